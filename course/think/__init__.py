"""Using a model: prompts and, in later chapters, evaluation and search."""
