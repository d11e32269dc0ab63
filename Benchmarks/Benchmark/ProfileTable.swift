import Dispatch
import Formats
import Tensor

/// Where the time of one work goes, by operation.
struct ProfileTable {
  private let name: String
  /// Seconds of one run, all of it: what a work does besides the part that it times is in here too.
  private let seconds: Double
  private let runs: Int
  private let entries: [Profile.Entry]

  /// Profiles the work of a name.
  init(_ name: String, reading text: String?, repeats: Int?) throws(InputError) {
    let work = try Work.named(name, reading: text)
    (self.name, runs) = (name, repeats ?? work.repeats)
    for _ in 0..<work.warmUps { _ = work.run() }
    let runs = runs
    var elapsed: UInt64 = 0
    entries = Profile.taken {
      let start = DispatchTime.now().uptimeNanoseconds
      for _ in 0..<runs { _ = work.run() }
      elapsed = DispatchTime.now().uptimeNanoseconds - start
    }
    seconds = Double(elapsed) * 1e-9 / Double(runs)
  }

  private var accounted: Double { entries.reduce(0) { $0 + $1.seconds } / Double(runs) }

  /// Prints a line for each operation, the longest first, and how much of the whole they are.
  func printLines() {
    print("\(name): \(Column.rounded(seconds * 1e3)) ms a run\n")
    print(line("operation", "calls", "ms", "%", "GFLOP/s"))
    for entry in entries {
      print(
        line(
          entry.name, Column.rounded(Double(entry.calls) / Double(runs)),
          Column.rounded(entry.seconds / Double(runs) * 1e3),
          Column.rounded(100 * entry.seconds / Double(runs) / seconds),
          entry.flops > 0 ? Column.rounded(Double(entry.flops) / entry.seconds / 1e9) : ""))
    }
    print(
      line(
        "sum", "", Column.rounded(accounted * 1e3), Column.rounded(100 * accounted / seconds), ""))
  }

  private func line(_ name: String, _ columns: String...) -> String {
    Column.left(name, 44) + columns.map { Column.right($0, 10) }.joined()
  }

  /// The same as JSON.
  var json: JSONValue {
    Measurement.object([
      ("work", .string(JSONString(name))), ("threads", .integer(Runtime.threadCount)),
      ("kernels", .string(JSONString(Runtime.kernelSet.rawValue))), ("seconds", .number(seconds)),
      ("accounted", .number(accounted / seconds)),
      (
        "operations",
        .array(
          entries.map { entry in
            Measurement.object([
              ("name", .string(JSONString(entry.name))), ("calls", .number(Double(entry.calls) / Double(runs))),
              ("seconds", .number(entry.seconds / Double(runs))), ("flops", .integer(entry.flops / runs)),
            ])
          })
      ),
    ])
  }
}
