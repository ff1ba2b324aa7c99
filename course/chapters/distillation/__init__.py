"""Chapter 09, can a small model learn it?"""
