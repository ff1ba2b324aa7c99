"""Chapter 03, how can a big model be cheap?"""
