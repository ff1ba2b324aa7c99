"""Changing a model: pretraining and, in later chapters, imitation and reward."""
