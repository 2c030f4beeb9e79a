# Thin: each target is one script, so that what it does can be run and read without make.
# `swift build` alone is enough while working on the host's code; the enclave has a link of its own.
.PHONY: all enclave host setup setup-check test check soak bench demo demo-python clean

all: enclave host

enclave:
	Enclave/build

host:
	Scripts/build-host

setup:
	Scripts/setup
setup-check:
	Scripts/setup --check

test: setup
	Scripts/test

check: setup-check
	Scripts/check

soak: setup
	Scripts/soak

bench: setup all
	Scripts/bench
	Scripts/bench-payload --json build/bench-payload.json
	Scripts/bench-jobs --json build/bench-jobs.json

demo: setup all
	Scripts/demo
demo-python: setup all
	Scripts/demo-python

clean:
	rm -rf build
