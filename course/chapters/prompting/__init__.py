"""Chapter 2, Can asking differently help?: its experiments, exercises and quiz."""
