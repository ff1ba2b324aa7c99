"""Tests of the server, by the clients that people use."""
