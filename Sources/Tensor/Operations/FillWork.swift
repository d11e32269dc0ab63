import Foundation

/// Sets all elements to one value: large tensors with the crew, for one thread does not use all that memory can take.
struct FillWork: ParallelWork {
  let value: Float
  let target: Target
  let count: Int
  private static let chunk = 1 << 16

  var profileName: String { "Fill" }

  func runOnCrew() {
    let tasks = (count + FillWork.chunk - 1) / FillWork.chunk
    if tasks < 4 { return fill(0..<count) }
    runInParallel(self, tasks: tasks)
  }

  func run(task: Int, worker: Int) { fill(task * FillWork.chunk..<min(count, (task + 1) * FillWork.chunk)) }

  private func fill(_ range: Range<Int>) {
    let place = target + range.lowerBound
    // Zeros, what is asked for most, the system writes faster.
    if value.bitPattern == 0 {
      _ = memset(place, 0, 4 * range.count)
    } else {
      place.update(repeating: value, count: range.count)
    }
  }
}
