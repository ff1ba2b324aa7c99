"""Chapter 3, How can a big model be cheap?: its experiments, exercises, quiz, and pictures of experts."""
