"""The experiments of chapter 06: what reward alone teaches (`zero`), when it takes off (`takeoff`), and whether slips
are noticed (`noticing`)."""

from course.chapters.grpo import noticing, takeoff, zero

EXPERIMENTS = (*zero.EXPERIMENTS, *takeoff.EXPERIMENTS, *noticing.EXPERIMENTS)
