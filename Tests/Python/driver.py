"""driver.py MODULE[.CLASS[.METHOD]] JSON: runs the tests of test.MODULE one after the other and says on
stdout, in lines that begin with the byte 1, which it begins and how each ended. JSON: {"done": [...],
"left_out": [patterns]}: what is not to be run."""
import faulthandler, fnmatch, io, json, os, random, sys, unittest

channel = os.fdopen(os.dup(1), "w")


def say(*what):
    channel.write("\x01" + json.dumps(what) + "\n")
    channel.flush()


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


class Result(unittest.TestResult):
    """Notes how the running test ended; the worst counts."""

    order = ["ok", "skipped", "expected failure", "unexpected success", "failed", "error"]

    def begin(self):
        self.outcome, self.detail = "ok", ""

    def note(self, outcome, detail):
        if self.order.index(outcome) >= self.order.index(self.outcome):
            self.outcome, self.detail = outcome, detail

    def addSkip(self, test, reason):
        self.note("skipped", reason)

    def addFailure(self, test, error):
        self.note("failed", self._exc_info_to_string(error, test))

    def addError(self, test, error):
        self.note("error", self._exc_info_to_string(error, test))

    def addExpectedFailure(self, test, error):
        self.note("expected failure", "")

    def addUnexpectedSuccess(self, test):
        self.note("unexpected success", "")

    def addSubTest(self, test, subtest, error):
        if error is not None:
            kind = "failed" if issubclass(error[0], test.failureException) else "error"
            self.note(kind, str(subtest) + "\n" + self._exc_info_to_string(error, test))


def name_of(test, module):
    """The identity of a test without the machine's paths."""
    name = test.id()
    return name[5:] if name.startswith("test.") else name


def main():
    wanted, plan = sys.argv[1], json.loads(sys.argv[2])
    done, left_out = set(plan["done"]), plan["left_out"]
    faulthandler.enable()
    random.seed(1)
    import test.support
    test.support.use_resources = []
    test.support.verbose = 0
    os.makedirs("/tmp/cloister-python", exist_ok=True)
    os.chdir("/tmp/cloister-python")
    module = wanted.split(".")[0]
    try:
        __import__("test." + module)
    except unittest.SkipTest as reason:
        say("end", module, "skipped", str(reason))
        return
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromName("test." + wanted)
    # A test class's fixtures run with its first test; grouping tests by class keeps that so.
    groups = []
    for test in flat(suite):
        if not groups or type(groups[-1][0]) is not type(test):
            groups.append([])
        groups[-1].append(test)
    module_object = sys.modules["test." + module]
    set_up = getattr(module_object, "setUpModule", None)
    tear_down = getattr(module_object, "tearDownModule", None)
    result = Result()
    result.begin()
    try:
        if set_up:
            set_up()
    except unittest.SkipTest as reason:
        say("end", module, "skipped", str(reason))
        return
    for group in groups:
        names = [name_of(test, module) for test in group]
        run = [(n, t) for n, t in zip(names, group)
               if n not in done and not any(fnmatch.fnmatchcase(n, p) for p in left_out)]
        if not run:
            continue
        kind = type(run[0][1])
        skip_class = getattr(kind, "__unittest_skip__", False)
        if not skip_class:
            try:
                kind.setUpClass()
            except unittest.SkipTest as reason:
                for name, _ in run:
                    say("end", name, "skipped", str(reason))
                continue
            except Exception as error:
                for name, _ in run:
                    say("end", name, "error", "setUpClass: %r" % error)
                continue
        for name, test in run:
            say("begin", name)
            result.begin()
            sys.stdout, sys.stderr = io.StringIO(), sys.__stderr__
            try:
                test.run(result)
            finally:
                sys.stdout = sys.__stdout__
            say("end", name, result.outcome, result.detail[-2000:])
        if not skip_class:
            try:
                kind.tearDownClass()
                kind.doClassCleanups()
            except Exception as error:
                say("end", "%s.%s.tearDownClass" % (module, kind.__name__), "error", repr(error))
    unittest.case.doModuleCleanups()
    if tear_down:
        tear_down()
    channel.flush()
    os._exit(0)


main()
