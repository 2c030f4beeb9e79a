"""CPython's own tests of a few modules, when this machine has them (libpython3.11-testsuite)."""
import importlib
import io
import sys
import unittest

for name in sys.argv[1:] or ["json", "struct"]:
    try:
        module = importlib.import_module(f"test.test_{name}")
    except ModuleNotFoundError:
        print(name, "is not here")
        continue
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    result = unittest.TextTestRunner(stream=io.StringIO(), verbosity=0).run(suite)
    print(name, result.testsRun, len(result.skipped))
    for kind in (result.errors, result.failures):
        for test, text in kind:
            print(test, text)
