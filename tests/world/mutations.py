"""Answers and steps gone slightly wrong, or dressed differently, by the million: the library against the judge.

`python -m tests.world.mutations 1000000` prints how many were tried and any on which the two disagree.
"""

import random
import sys
from collections import Counter

from course.world import FAMILIES, draw_problems
from course.world.problem import solve
from tests.world import judge

DRESSES = (
    "{}", " {} ", "{}.", "The answer is {}.", "the answer is: {}", "So the final answer is {}!", "Answer: {}",
    "answer {}", '"{}"', "${}$", "**{}**", "{} ", "\n{}\n", "\t{}", "{}\x00", "maybe {}", "{} or so", "not {}", "{}?",
    "{} {}", "={}", "{}=", "{}<eos>", "<think>{}", "0{}", "+{}", "-{}", "cup {}", "Cup {}.", "({})", "({}", "{})",
    "{}.0", "{},", "~{}", ".{}", "{}*", "*{}*", "{}²", "½{}", "{}①", "'{}'", "{}'", "`{}`.", "${}", "!{}", "{} 0",
)  # fmt: skip
CHARACTERS = "0123456789+-*/()=.<>: abcryesno?,!'\"$×−–１９²٣½\n\t\x00\u200b\ufeff🙂ǅß"


def answers(problem, rng):
    """An answer: right, near or far, dressed in some way, then perhaps with characters changed."""
    text = rng.choice((problem.answer, problem.answer, _near(problem.answer, rng), _other(problem, rng)))
    text = rng.choice(DRESSES).replace("{}", text)
    if rng.random() < 0.3:
        text = rng.choice((str.upper, str.title, str.swapcase))(text)
    for _ in range(rng.choice((0, 0, 0, 1, 2, 5))):
        text = garbled(text, rng)
    return text


def solutions(problem, rng):
    """A worked solution with slips, then perhaps with lines changed, lost, doubled, swapped or strange."""
    family = FAMILIES[problem.family]
    lines, _ = solve(family, problem, rng, slip=0.7, mend=0.5)
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        place = rng.randrange(len(lines) + 1)
        kind = rng.randrange(7)
        if kind == 0 or place == len(lines):
            lines.insert(place, rng.choice(("", "wait", "hmm", "waits", rng.choice(lines or ["1"]), problem.answer)))
        elif kind == 1:
            del lines[place]
        elif kind == 2:
            lines[place] = rng.choice(("wait ", "wait ", "wait, ", "waiter ", "wait's ")) + lines[place]
        elif kind == 3:
            lines[place] = _near(lines[place], rng)
        elif kind == 4:
            other = rng.randrange(len(lines))
            lines[place], lines[other] = lines[other], lines[place]
        else:
            lines[place] = garbled(lines[place], rng)
    return lines


def garbled(text, rng):
    """One character put in, taken out or replaced."""
    place = rng.randrange(len(text) + 1)
    return text[:place] + rng.choice((*rng.sample(CHARACTERS, 2), "")) + text[place + rng.randint(0, 1) :]


def _near(text, rng):
    digits = [place for place, character in enumerate(text) if character in "0123456789"]
    if not digits:
        return {"yes": "no", "no": "yes"}.get(text, text + "s")
    place = rng.choice(digits)
    return text[:place] + str((int(text[place]) + rng.choice((1, 9))) % 10) + text[place + 1 :]


def _other(problem, rng):
    return FAMILIES[problem.family].draw(rng, problem.level).answer


def compare(problem, rng):
    """One answer and one solution: what was tried, with the library's verdicts and the judge's."""
    family, text, lines = FAMILIES[problem.family], answers(problem, rng), solutions(problem, rng)
    yield text, [family.correct(problem, text)], [judge.answer_is_right(problem, text)]
    yield lines, family.check_steps(problem, lines), judge.step_verdicts(problem, lines)


def main() -> None:
    """Try as many answers and steps as asked for; end with status 1 if any verdict differs."""
    wanted, rng = int(sys.argv[1]), random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    problems = [problem for family in FAMILIES for problem in draw_problems(family, 400, split="dev")]
    tried, differing = Counter(), []
    while tried.total() < wanted:
        problem = rng.choice(problems)
        for text, ours, theirs in compare(problem, rng):
            kind = "answers" if isinstance(text, str) else "steps"
            tried.update({f"{kind} right": sum(theirs), f"{kind} wrong": len(theirs) - sum(theirs)})
            if ours != theirs:
                differing.append((problem.question, problem.answer, text, ours, theirs))
    print(f"{tried.total():,} tried: {dict(tried)}; {len(differing)} verdicts differ")
    for found in differing[:10]:
        print(*map(repr, found), sep="\n  ")
    sys.exit(bool(differing))


if __name__ == "__main__":
    main()
