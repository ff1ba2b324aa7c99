"""What belongs to one chapter: its experiments, exercises, quiz and pictures, each in a folder of its own."""
