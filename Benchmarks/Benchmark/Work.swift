import Dispatch
import Formats
import Tensor

/// A piece of work that is timed.
struct Work {
  /// Does the work once and returns the seconds that count.
  let run: () -> Double
  /// How often it is timed unless the caller says.
  var repeats = 7
  /// How often it runs before the first timing.
  var warmUps = 2
  /// Floating-point operations of one run.
  var flops: Int?
  /// Bytes that one run must move at least.
  var bytes: Int?
  /// Tokens of one run.
  var tokens: Int?
  /// What else the work found out.
  var results: () -> [(String, JSONValue)] = { [] }

  /// Work that counts from its first to its last statement.
  init(_ body: @escaping () -> Void) {
    run = {
      let start = DispatchTime.now().uptimeNanoseconds
      body()
      return Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
    }
  }

  private init(run: @escaping () -> Double, repeats: Int) { (self.run, self.repeats) = (run, repeats) }

  /// Work that says itself how long the part took that counts.
  static func timing(_ run: @escaping () -> Double) -> Work { Work(run: run, repeats: 7) }

  /// The best and the median of some runs.
  func timed(repeats: Int) -> (best: Double, median: Double) {
    for _ in 0..<warmUps { _ = run() }
    let times = (0..<repeats).map { _ in run() }.sorted()
    return (times[0], times[times.count / 2])
  }
}
