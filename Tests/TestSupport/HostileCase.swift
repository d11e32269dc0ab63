import Formats
import Foundation

/// A file, or a folder of files, that a stranger could have made, and what opening it must end in.
public struct HostileCase: Sendable {
  /// What is wrong with it.
  public let name: String
  /// The kinds of errors that are right; none where it must be accepted.
  public let expected: [InputError.Kind]
  /// Writes it into an empty folder, and returns the path to open.
  let make: @Sendable (_ folder: String) throws -> String
  /// Opens it, and reads of it what a user would.
  let open: @Sendable (_ path: String) throws -> Void

  /// A case that `make` writes and `open` opens.
  public init(
    _ name: String, _ expected: [InputError.Kind], make: @escaping @Sendable (_ folder: String) throws -> String,
    open: @escaping @Sendable (_ path: String) throws -> Void
  ) {
    (self.name, self.expected, self.make, self.open) = (name, expected, make, open)
  }

  /// A case that `make` writes and `open` opens.
  public init(
    _ name: String, _ expected: InputError.Kind..., make: @escaping @Sendable (_ folder: String) throws -> String,
    open: @escaping @Sendable (_ path: String) throws -> Void
  ) {
    self.init(name, expected, make: make, open: open)
  }
}

/// The cases of one family of faults: a line of the list of hostile inputs.
public struct HostileFamily: Sendable {
  /// The line's name: `S4`.
  public let name: String
  /// How many cases the line asks for.
  public let count: Int
  /// The cases; with those that cannot be, as many at least.
  public let cases: [HostileCase]
  /// Cases of the line that cannot be made here, with the reason.
  public let without: [(name: String, reason: String)]

  /// A family.
  public init(_ name: String, _ count: Int, _ cases: [HostileCase], without: [(name: String, reason: String)] = []) {
    (self.name, self.count, self.cases, self.without) = (name, count, cases, without)
  }
}

extension HostileCase {
  /// Runs the cases from the number `start` on; returns a line for each that ended otherwise than it should, took more
  /// than a second of the processor each of three times, held more than 32 MB and twice its files in memory, or left a
  /// file open.
  ///
  /// - Parameters:
  ///   - families: All cases, in the order of their numbers.
  ///   - progress: A file that holds the number of the case that runs and its name, for the case that ends the process.
  public static func problems(of families: [HostileFamily], from start: Int = 0, progress: String) -> [String] {
    var problems: [String] = []
    // What the system opens once, for itself, must not count against the first case.
    _ = try? HostileCase("nothing", make: { $0 }, open: { _ in }).problems()
    let cases = families.flatMap { family in family.cases.map { (family.name, $0) } }
    for (number, (family, hostile)) in cases.enumerated().dropFirst(start) {
      let name = "\(family): \(hostile.name)"
      try? Data("\(number) \(name)".utf8).write(to: URL(fileURLWithPath: progress))
      do {
        try problems += hostile.problems().map { "\(name): \($0)" }
      } catch {
        problems.append("\(name): could not be tried: \(error)")
      }
    }
    return problems
  }

  private func problems() throws -> [String] {
    let folder = FileManager.default.temporaryDirectory.appending(path: "hostile-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = try make(folder)
    let before = (files: openFiles(), memory: ProcessMemory.startPeak())
    var (problems, seconds) = attempt(path)
    let left = openFiles().filter { before.files[$0.key] != $0.value }
    if !left.isEmpty { problems.append("left open: \(left.values.sorted())") }
    if let start = before.memory, let peak = ProcessMemory.peak {
      let allowed = 32 << 20 + 2 * byteCount(folder)
      if peak - start > allowed { problems.append("held \((peak - start) >> 20) MB, more than \(allowed >> 20)") }
    }
    // A hang takes its time again; a processor that others used meanwhile does not.
    for _ in 0..<2 where seconds > 1 { seconds = min(seconds, attempt(path).seconds) }
    if seconds > 1 { problems.append("took \(seconds) s") }
    return problems
  }

  /// Opens the file once; what is wrong with how that ends, and the seconds of processor time until then.
  private func attempt(_ path: String) -> (problems: [String], seconds: Double) {
    let start = clock()
    var problems: [String] = []
    do {
      try self.open(path)
      if !expected.isEmpty { problems.append("was accepted, not \(expected)") }
    } catch let error as InputError {
      if !expected.contains(error.kind) {
        problems.append("\(error.kind), not \(expected.isEmpty ? "accepted" : "\(expected)"): \(error)")
      }
    } catch {
      problems.append("an error of another type: \(error)")
    }
    return (problems, Double(clock() - start) / Double(CLOCKS_PER_SEC))
  }
}

/// The files that the process has open, by descriptor, where the system tells.
///
/// Without those that the system's own threads take when they like: Dispatch's timers and queues have no path, and it
/// reads the states of its threads under `/proc`.
private func openFiles() -> [String: String] {
  let folder = "/proc/self/fd"
  let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
  var files: [String: String] = [:]
  for descriptor in descriptors {
    let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(descriptor)")
    if let path, path.hasPrefix("/"), !path.hasPrefix("/proc/") { files[descriptor] = path }
  }
  return files
}

/// The bytes of all files in a folder.
private func byteCount(_ folder: String) -> Int {
  let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
  return names.reduce(0) { sum, name in
    let size = try? FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")[.size] as? Int
    return sum + (size ?? 0)
  }
}

/// The process's memory in bytes, where Linux tells.
private enum ProcessMemory {
  /// Forgets the peak so far, and returns what is held now.
  static func startPeak() -> Int? {
    // Glibc's own, which no header that Swift sees has: what was freed must not hide what is taken.
    if let trim = dlsym(nil, "malloc_trim") {
      _ = unsafeBitCast(trim, to: (@convention(c) (Int) -> CInt).self)(0)
    }
    guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { return nil }
    defer { try? file.close() }
    guard (try? file.write(contentsOf: Data("5".utf8))) != nil else { return nil }
    return field("VmRSS:")
  }

  static var peak: Int? { field("VmHWM:") }

  private static func field(_ name: String) -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) })
    else { return nil }
    return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 }
  }
}
