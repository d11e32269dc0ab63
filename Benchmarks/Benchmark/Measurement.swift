import Formats
import Tensor

/// What timing a work gave.
struct Measurement {
  let name: String
  let work: Work
  let best: Double
  let median: Double
  let peakBytes: Int

  /// Times the work of a name.
  init(_ name: String, reading text: String?, repeats: Int?) throws(InputError) {
    let work = try Work.named(name, reading: text)
    (best, median) = work.timed(repeats: repeats ?? work.repeats)
    (self.name, self.work, peakBytes) = (name, work, Memory.processPeakBytes)
  }

  var flopsPerSecond: Double? { work.flops.map { Double($0) / best } }
  var bytesPerSecond: Double? { work.bytes.map { Double($0) / best } }

  /// The members of the JSON line.
  var members: [(String, JSONValue)] {
    var members: [(String, JSONValue)] = [
      ("work", .string(JSONString(name))), ("threads", .integer(Runtime.threadCount)),
      ("kernels", .string(JSONString(Runtime.kernelSet.rawValue))), ("seconds", .number(best)),
      ("median", .number(median)), ("peak_bytes", .integer(peakBytes)),
    ]
    for (key, count) in [("flops", work.flops), ("bytes", work.bytes), ("tokens", work.tokens)] {
      if let count { members.append((key, .integer(count))) }
    }
    if let flopsPerSecond { members.append(("gflop_per_second", .number(flopsPerSecond / 1e9))) }
    if let bytesPerSecond { members.append(("gb_per_second", .number(bytesPerSecond / 1e9))) }
    for (key, value) in work.results() { members.append((key, value)) }
    return members
  }

  /// One object of `members`.
  static func object(_ members: [(String, JSONValue)]) -> JSONValue {
    .object(members.map { JSONMember(JSONString($0.0), $0.1) })
  }
}
