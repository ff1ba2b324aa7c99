"""Chapter 4, Imitate solutions?: its experiments, exercises, quiz, and the two learners side by side."""
