"""A case of the clinic: the complaint, a question, runs to look at, the diagnosis and the cure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from itertools import islice

from course.chapters.clinic.charts import chart
from course.presets import Preset
from course.teach.pictures import Picture
from course.teach.quizzes import Question, Quiz

Arm = Callable[[int, Preset], Iterator[dict]]  # from a seed and the dial: the statistics of each step
FEWEST, BEGINNING = 2, 8  # seeds, and the first steps of each run, under the quick preset


@dataclass(frozen=True)
class Case:
    """One complaint and its runs. The last arm is the cure; those before it are the runs complained about."""

    name: str
    title: str
    threads: str  # where it was asked in public, by project and number
    symptom: str
    question: Question
    panels: Mapping[str, str]  # what is drawn, and the statistic it shows
    arms: Mapping[str, Arm]
    diagnosis: str
    cure: str
    seeds: int = 1
    xlabel: str = "step"
    joined: bool = True  # whether points follow one another, and so are joined by a line

    def run(self, arm: str, dial: Preset) -> dict[str, dict[float, list[float]]]:
        """Run an arm on every seed: for each panel, the values at each step, one per seed."""
        from tqdm.auto import tqdm

        quick = dial.name == "quick"
        seeds = range(min(self.seeds, FEWEST) if quick else self.seeds)
        found: dict[str, dict[float, list[float]]] = {panel: {} for panel in self.panels}
        for seed in tqdm(seeds, desc=arm, unit="seed", leave=False):
            for stats in islice(self.arms[arm](seed, dial), BEGINNING if quick else None):
                for panel, statistic in self.panels.items():
                    found[panel].setdefault(stats["step"], []).append(stats[statistic])
        return found


class Patient:
    """A case whose broken runs have been made; it shows itself as the complaint, the question, and the charts."""

    def __init__(self, case: Case, dial: Preset):
        self.case, self.dial = case, dial
        *brought, self.last = case.arms
        self.runs = {arm: case.run(arm, dial) for arm in brought}

    def picture(self) -> Picture:
        """All runs made so far, panel by panel."""
        panels = {panel: {arm: found[panel] for arm, found in self.runs.items()} for panel in self.case.panels}
        return chart(panels, self.case.xlabel, joined=self.case.joined)

    def treat(self) -> "Treated":
        """Make the last run, too, and show it beside the others."""
        self.runs[self.last] = self.case.run(self.last, self.dial)
        return Treated(self)

    def __repr__(self) -> str:
        return f"{self.case.title}. {self.case.symptom} ({self.case.threads})"

    def _ipython_display_(self) -> None:
        from IPython.display import HTML, display

        one = self.case
        question = Quiz((one.question,), seed=one.name)._repr_html_()
        card = _card(
            f"<strong>The complaint.</strong> {escape(one.symptom)} <small>Asked in {escape(one.threads)}.</small>"
        )
        display(HTML(f"{card}{question}"))
        self.picture()._ipython_display_()


class Treated:
    """A patient after the cure: the diagnosis, the cure, and all runs side by side."""

    def __init__(self, patient: Patient):
        self.case, self.runs, self.picture = patient.case, patient.runs, patient.picture()

    def __repr__(self) -> str:
        return f"Diagnosis: {self.case.diagnosis} Cure: {self.case.cure}"

    def _ipython_display_(self) -> None:
        from IPython.display import HTML, display

        said = {"Diagnosis": self.case.diagnosis, "Cure": self.case.cure}
        display(HTML(_card("<br>".join(f"<strong>{what}.</strong> {escape(text)}" for what, text in said.items()))))
        self.picture._ipython_display_()


def _card(inside: str) -> str:
    return f'<p style="max-width:60em;border-left:3px solid rgba(128,128,128,.6);padding-left:.8em">{inside}</p>'
