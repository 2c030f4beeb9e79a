import ArgumentParser

/// The command line. Each verb lives in a file of its own and holds no logic.
struct Cloister: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cloister",
    abstract: "Run unmodified Linux programs inside SGX enclaves, and prove it.",
    subcommands: [
      RunCommand.self, OfferCommand.self, PrepareCommand.self, SignCommand.self,
      InspectCommand.self,
      FormatsCommand.self,
      MeasureCommand.self, KeygenCommand.self, VolumeCommand.self, HostCallsCommand.self,
      SitesCommand.self, SyscallsCommand.self, VerifyCommand.self, QuoteCommand.self,
      CollateralCommand.self, RATLSCommand.self, SoftwareQuoteCommand.self,
      DoctorCommand.self, OwnerCommand.self, SealCommand.self, OpenCommand.self,
      ReceiptCommand.self,
    ])
}
