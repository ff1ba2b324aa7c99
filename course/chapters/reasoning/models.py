"""What is published about GPT-4, o1, DeepSeek-R1 and models built on LLaMA: how they reason, their scores, sources."""

from dataclasses import dataclass, field

from course.teach.tables import Table, table

SOURCES = {  # keys of book/references.bib
    "openai2023gpt4": "GPT-4 report",
    "openai2024o1blog": "o1 report",
    "deepseek2025r1": "R1 report",
    "deepseek2024v3": "V3 report",
    "touvron2023llama2": "LLaMA 2 paper",
    "luo2023wizardmath": "WizardMath paper",
}


@dataclass(frozen=True)
class Model:
    """A published model: its size, who can have its weights, and how it came to reason."""

    name: str
    year: int
    parameters: str
    weights: str
    thinks: str  # when prompted, or by default
    training: str
    source: str


MODELS = (
    Model("GPT-4", 2023, "not published", "closed", "when prompted", "pre-training, then RLHF", "openai2023gpt4"),
    Model(
        "o1", 2024, "not published", "closed", "by default", "RL on chains of thought", "openai2024o1blog"
    ),
    Model(
        "DeepSeek-V3", 2024, "671 billion, 37 active", "open", "when prompted", "pre-training, then SFT and RL",
        "deepseek2024v3",
    ),
    Model(
        "DeepSeek-R1", 2025, "671 billion, 37 active", "open", "by default",
        "from V3's base: SFT on few traces, RL, SFT on many, RL", "deepseek2025r1",
    ),
    Model(
        "R1-Distill-Llama-70B", 2025, "70 billion", "open, with conditions", "by default", "SFT on R1's traces",
        "deepseek2025r1",
    ),
    Model(
        "LLaMA 2 70B", 2023, "70 billion", "open, with conditions", "when prompted", "pre-training", "touvron2023llama2"
    ),
    Model(
        "WizardMath 70B", 2023, "70 billion", "open, with conditions", "when prompted",
        "from LLaMA 2: SFT, then RL with reward models for instructions and steps", "luo2023wizardmath",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Scores:
    """What one source says a model scores: percent, or a rating for Codeforces."""

    model: str
    source: str
    by_test: dict[str, float] = field(hash=False)


TESTS = ("GSM8K", "MATH", "AIME 2024", "GPQA Diamond", "Codeforces")
SCORES = (
    Scores("GPT-4", "openai2023gpt4", {"GSM8K": 92.0}),
    Scores("LLaMA 2 70B", "touvron2023llama2", {"GSM8K": 56.8, "MATH": 13.5}),
    Scores("WizardMath 70B", "luo2023wizardmath", {"GSM8K": 81.6, "MATH": 22.7}),
    Scores("GPT-4o", "openai2024o1blog", {"MATH": 60.3, "AIME 2024": 12}),
    Scores("o1", "openai2024o1blog", {"MATH": 94.8, "AIME 2024": 74, "GPQA Diamond": 78}),
    *(
        Scores(name, "deepseek2025r1", dict(zip(TESTS[1:], values, strict=False)))
        for name, values in {
            "GPT-4o": (74.6, 9.3, 49.9, 759),
            "DeepSeek-V3": (90.2, 39.2, 59.1),
            "o1-mini": (90.0, 63.6, 60.0, 1820),
            "o1-1217": (96.4, 79.2, 75.7, 2061),
            "DeepSeek-R1": (97.3, 79.8, 71.5, 2029),
            "R1-Distill-Qwen-32B": (94.3, 72.6, 62.1, 1691),
            "R1-Distill-Llama-70B": (94.5, 70.0, 65.2, 1633),
        }.items()
    ),
)


def overview() -> Table:
    """The models side by side: size, access to the weights, when they think, how they were trained."""
    rows = {
        one.name: {
            "year": str(one.year),
            "parameters": one.parameters,
            "weights": one.weights,
            "thinks": one.thinks,
            "training": one.training,
            "source": SOURCES[one.source],
        }
        for one in MODELS
    }
    return table(rows, row="model")


def scores() -> Table:
    """Published scores, one row for each model and source."""
    rows = [
        {"model": one.model, **{test: one.by_test.get(test, "") for test in TESTS}, "source": SOURCES[one.source]}
        for one in SCORES
    ]
    caption = (
        "Percent right; Codeforces is a rating. MATH: the R1 report uses a subset of 500 problems, MATH-500. "
        "o1-1217 is the o1 of December 2024."
    )
    return table(rows, caption=caption, decimals={**dict.fromkeys(TESTS, 1), "Codeforces": 0})


def score(model: str, test: str, source: str = "deepseek2025r1") -> float:
    """What a source says a model scores on a test. Raises ValueError if it says nothing."""
    for one in SCORES:
        if (one.model, one.source) == (model, source) and test in one.by_test:
            return one.by_test[test]
    raise ValueError(f"{SOURCES.get(source, source)} has no score of {model} on {test}")
