import HostRuntime

/// `cloister run`, in an executable of its own so that it starts in milliseconds.
Runner.main(Array(CommandLine.arguments.dropFirst()))
