"""Chapter 02, can asking differently help?"""
