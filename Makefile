# make test, make demo: two commands on a fresh Debian 12, all set-up included (tools/setup).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export PATH := $(PATH):/usr/sbin:/sbin
export LC_ALL := C.UTF-8
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV MAKEFLAGS PYTEST_ADDOPTS
BIN := .venv/bin

.PHONY: test quick vm matrix lint demo bench setup clean

test: setup lint  ## linters and every test
	$(BIN)/python -m pytest -n 2 --dist worksteal --durations 10

quick: setup lint  ## all but the virtual machines
	$(BIN)/python -m pytest -n 2 -m "not vm"

vm: setup  ## the virtual machines only
	$(BIN)/python -m pytest -n 2 --dist worksteal --durations 0 -m vm

matrix: setup  ## what is too large for `make test`: more machines, kernels and servers of the same kinds
	$(BIN)/python -m pytest -n 2 --dist worksteal --durations 0 -m matrix

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

demo: setup  ## boot a system from a share, power it off, look at the server's locks
	$(BIN)/python -m tests.demo

bench:  ## measure against dracut and initramfs-tools
	@tools/setup bench/packages.txt
	$(BIN)/python -m bench

setup:
	@tools/setup

clean:  ## what make and the tests left in this folder; the downloads below ~/.cache/mkinitfs stay
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
