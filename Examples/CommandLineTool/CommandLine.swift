import Foundation
@_exported import Formats
import Synchronization
import Tensor

/// The options of a small program: `--name value`, flags, and what `--help` says about them.
public struct CommandLineTool {
  /// One option.
  public struct Option: Sendable {
    let name: String
    let value: String?
    let help: String

    /// An option with a value (`value` names it in the help) or a flag without.
    public init(_ name: String, _ value: String? = nil, _ help: String) {
      (self.name, self.value, self.help) = (name, value, help)
    }
  }

  private let values: [String: String]
  /// Arguments that are no options.
  public let operands: [String]

  /// Reads the program's arguments. Prints the help and ends the program where `--help` is among them. After `--` there
  /// are no options any more. Of the names of operands the last may end in `...`: it takes any number.
  ///
  /// - Throws: `badValue` for an unknown option, one that is given twice, a missing value or an operand that the program
  ///   does not take.
  public init(
    _ name: String, _ summary: String, operands operandNames: [String] = [], options: [Option],
    arguments: [String] = Array(CommandLine.arguments.dropFirst())
  ) throws(InputError) {
    var options = options
    if !options.contains(where: { $0.name == "json" }) {
      options.append(Option("json", nil, "print one JSON object as the last line"))
    }
    var values: [String: String] = [:]
    var operands: [String] = []
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      if argument == "--help" || argument == "-h" {
        print(CommandLineTool.help(name, summary, operandNames, options))
        exit(0)
      }
      if argument == "--" {
        operands += rest
        break
      }
      guard argument.hasPrefix("--") else {
        operands.append(argument)
        continue
      }
      guard let option = options.first(where: { "--" + $0.name == argument }) else {
        throw InputError(.badValue, "there is no option \(argument)", at: name, advice: "See \(name) --help.")
      }
      guard values[option.name] == nil else {
        throw InputError(.badValue, "\(argument) is given twice", at: name, advice: "Give it once.")
      }
      if option.value == nil {
        values[option.name] = "true"
      } else if let value = rest.popFirst() {
        values[option.name] = value
      } else {
        throw InputError(.badValue, "\(argument) needs a value", at: name, advice: "See \(name) --help.")
      }
    }
    guard operands.count <= operandNames.count || operandNames.last?.hasSuffix("...") == true else {
      throw InputError(
        .badValue, "\"\(operands[operandNames.count])\" is one argument too many", at: name,
        advice: "See \(name) --help.")
    }
    (self.values, self.operands) = (values, operands)
  }

  private static func help(_ name: String, _ summary: String, _ operands: [String], _ options: [Option]) -> String {
    let left = options.map { "  --\($0.name)" + ($0.value.map { " \($0)" } ?? "") }
    let width = (left.map(\.count).max() ?? 0) + 2
    let lines = zip(left, options).map { $0.padding(toLength: width, withPad: " ", startingAt: 0) + $1.help }
    let usage = ([name] + operands + ["[options]"]).joined(separator: " ")
    return "\(summary)\n\nUsage: \(usage)\n\n" + lines.joined(separator: "\n")
  }

  /// Whether a flag was given.
  public func has(_ name: String) -> Bool { values[name] != nil }

  /// The value of an option, if it was given.
  public func string(_ name: String) -> String? { values[name] }

  /// An integer in `range`, if the option was given.
  public func int(_ name: String, in range: ClosedRange<Int>) throws(InputError) -> Int? {
    guard let text = values[name] else { return nil }
    guard let value = Int(text), range.contains(value) else {
      throw InputError(
        .badValue, "\"\(text)\" is no integer from \(range.lowerBound) to \(range.upperBound)", at: "--\(name)")
    }
    return value
  }

  /// A number in `range`, if the option was given.
  public func double(_ name: String, in range: ClosedRange<Double>) throws(InputError) -> Double? {
    guard let text = values[name] else { return nil }
    guard let value = Double(text), range.contains(value) else {
      throw InputError(
        .badValue, "\"\(text)\" is no number from \(range.lowerBound) to \(range.upperBound)", at: "--\(name)")
    }
    return value
  }

  /// Starts the runtime as the environment and `--kernels` and `--threads` say.
  public func startRuntime() throws(InputError) {
    try Runtime.start()
    if let name = values["kernels"] {
      guard let set = KernelSet(rawValue: name) else {
        throw InputError(
          .badValue, "\"\(name)\" is no kernel set", at: "--kernels",
          advice: "Use one of \(CommandLineTool.kernelSets).")
      }
      try Runtime.use(set)
    }
    if let threads = try int("threads", in: 1...256) { Runtime.threadCount = threads }
    #if DEBUG
      note("This is a debug build; with `swift run -c release` it is many times faster.")
    #endif
  }

  private static let kernelSets = KernelSet.allCases.map(\.rawValue).joined(separator: ", ")

  /// The options that `startRuntime` reads.
  public static let runtimeOptions = [
    Option("kernels", "SET", "\(kernelSets) (default: the best that the processor has)"),
    Option("threads", "N", "threads that compute (default: one for each core)"),
  ]

  /// Prints the program's result as one JSON line, if `--json` was given.
  public func printResult(_ members: [(String, JSONValue)]) throws(InputError) {
    guard has("json") else { return }
    let object = JSONValue.object(members.map { JSONMember(JSONString($0.0), $0.1) })
    print(String(decoding: try object.encoded(), as: UTF8.self))
  }
}

/// Writes a piece of text to standard output at once.
public func show(_ piece: String) {
  fflush(nil)  // what was printed before comes first
  do throws(InputError) { try put(piece, STDOUT_FILENO) } catch {
    unshown.withLock { $0 = $0 ?? error }
  }
}

/// What kept `show` from showing a piece, for the end of the program.
private let unshown = Mutex<InputError?>(nil)

/// Writes a line to standard error, if anybody can read it there.
public func note(_ line: String) {
  do throws(InputError) { try put(line + "\n", STDERR_FILENO) } catch { return }
}

private func put(_ text: String, _ descriptor: Int32) throws(InputError) {
  let bytes = Array(text.utf8)
  var done = 0
  while done < bytes.count {
    let written = bytes[done...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    if written < 0 && errno == EINTR { continue }
    guard written > 0 else { throw unwritable(errno) }
    done += written
  }
}

private func unwritable(_ code: Int32) -> InputError { systemError(code, "cannot be written", "standard output") }

/// Runs a program's body; an error is printed as one line and ends the program with status 1. So does an output that
/// could not be written.
public func runProgram(_ body: () throws -> Void) {
  // Where a standard stream is closed, the next file would take its place, and what is printed would go there.
  for stream in STDIN_FILENO...STDERR_FILENO where fcntl(stream, F_GETFD) < 0 { _ = open("/dev/null", O_RDONLY) }
  // A file that may not grow any more is an error of the write that says so, not the end of the process.
  signal(SIGXFSZ, SIG_IGN)
  do {
    try body()
    guard fflush(nil) == 0 else { throw unwritable(errno) }
    if let error = unshown.withLock({ $0 }) { throw error }
  } catch {
    note("error: \(error)")
    exit(1)
  }
}
