"""The experiments of chapter 06: what reward alone teaches (`zero`), and when it takes off (`takeoff`)."""

from course.chapters.grpo import takeoff, zero

EXPERIMENTS = (*zero.EXPERIMENTS, *takeoff.EXPERIMENTS)
