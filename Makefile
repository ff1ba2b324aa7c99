# Every target sets up what it needs first, and is the same as `python bootstrap.py TARGET` (see that file).
# `course` and `book` are folders too, hence .PHONY. Another Python: make lab PYTHON=python3.12
PYTHON ?= python3
.DEFAULT_GOAL := help
.PHONY: help lab test check mutate course book dist doctor clean

help:    ## show this list
	@sed -n 's/^\([a-z]*\): *## */  make \1 \t/p' $(firstword $(MAKEFILE_LIST))

lab:     ## open the course in JupyterLab
	@$(PYTHON) bootstrap.py lab

test:    ## run every test: library, notebooks, browser, site
	@$(PYTHON) bootstrap.py test

check:   ## run the fast checks: style, formatting, the library's own tests
	@$(PYTHON) bootstrap.py check

mutate:  ## break the library on purpose and count what the tests notice; hours, and not in CI
	@$(PYTHON) bootstrap.py mutate

course:  ## run every notebook from end to end, without a screen
	@$(PYTHON) bootstrap.py run

book:    ## build the site into book/_build/html
	@$(PYTHON) bootstrap.py book

dist:    ## build the wheel and the source archive of a release into dist
	@$(PYTHON) bootstrap.py dist

doctor:  ## say what is wrong with this installation, and what to type
	@$(PYTHON) bootstrap.py doctor

clean:   ## remove what was built; .venv and the models you trained stay
	@$(PYTHON) bootstrap.py clean
