"""Chapter 06, can reward alone teach thinking?"""
