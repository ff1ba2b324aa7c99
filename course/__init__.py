"""Think Step by Step: build a reasoning model from nothing, on a laptop.

Five rooms, each standing on those before it: `world` (the questions), `model` (the network), `think` (using a
model), `learn` (changing a model), `teach` (the classroom). Importing this loads none of them.
"""
