"""Chapter 1, What is a reasoning model?: its experiments, exercises, quiz, and a table of published models."""
