import Foundation

/// Shows how a run is doing, on standard error: one line that is rewritten where that is a terminal, and otherwise plain
/// lines, one every few seconds.
///
///     step 1250 of 2000   loss 1.731   64210 tokens/s   0:09 left
///
/// The loss is the mean of the steps since the line before.
public struct ProgressLine {
  private let steps: Int
  private let tokensPerStep: Int
  private let isTerminal: Bool
  private let write: (String) -> Void
  private let began: ContinuousClock.Instant
  private let firstStep: Int
  private var lastShown: Duration?
  private var losses = (sum: 0.0, count: 0)

  /// Shows a run of `steps` steps on standard error.
  ///
  /// - Parameter firstStep: where a resumed run goes on; speeds count from here.
  public init(steps: Int, tokensPerStep: Int, from firstStep: Int = 0) {
    let isTerminal = isatty(FileHandle.standardError.fileDescriptor) != 0
    let isDumb = ProcessInfo.processInfo.environment["TERM"] == "dumb"
    self.init(
      steps: steps, tokensPerStep: tokensPerStep, from: firstStep, isTerminal: isTerminal && !isDumb,
      write: { FileHandle.standardError.write(Data($0.utf8)) })
  }

  package init(
    steps: Int, tokensPerStep: Int, from firstStep: Int = 0, isTerminal: Bool, write: @escaping (String) -> Void
  ) {
    (self.steps, self.tokensPerStep, self.firstStep) = (steps, tokensPerStep, firstStep)
    (self.isTerminal, self.write, began) = (isTerminal, write, ContinuousClock.now)
  }

  /// Reports a step that is done, counted from 0. Most calls show nothing.
  public mutating func show(step: Int, loss: Float) { show(step: step, loss: loss, after: ContinuousClock.now - began) }

  package mutating func show(step: Int, loss: Float, after elapsed: Duration) {
    losses = (losses.sum + Double(loss), losses.count + 1)
    let pause: Duration = isTerminal ? .milliseconds(100) : .seconds(5)
    let isLast = step + 1 >= steps
    guard isLast || elapsed >= (lastShown ?? .zero) + pause else { return }
    lastShown = elapsed
    let line = line(step: step, loss: losses.sum / Double(losses.count), elapsed)
    losses = (0, 0)
    // Erases the rest of the old line, which may be longer.
    write(isTerminal ? "\r\(line)\u{1b}[K" + (isLast ? "\n" : "") : line + "\n")
  }

  private func line(step: Int, loss: Double, _ elapsed: Duration) -> String {
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
    let done = Double(step + 1 - firstStep)
    let speed = seconds > 0 ? done * Double(tokensPerStep) / seconds : 0
    let left = Int(min((seconds / done * Double(steps - step - 1)).rounded(.up), 1e9))
    let (minutes, rest) = left.quotientAndRemainder(dividingBy: 60)
    let time =
      minutes < 60
      ? "\(minutes):\(String(format: "%02d", rest))"
      : "\(minutes / 60):\(String(format: "%02d", minutes % 60)):\(String(format: "%02d", rest))"
    return "step \(step + 1) of \(steps)   loss \(String(format: "%.3f", loss))   "
      + "\(Int(min(speed, 1e15))) tokens/s   \(time) left"
  }
}
