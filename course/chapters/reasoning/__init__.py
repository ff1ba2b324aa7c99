"""Chapter 01, what is a reasoning model?"""
