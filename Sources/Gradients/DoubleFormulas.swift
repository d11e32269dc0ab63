import Foundation
import Tensor

// Foundation has an Operation too.
import enum Tensor.Operation

/// What an operation computes, in Double: one formula for each operation and no `default`.
///
/// - Parameters:
///   - inputs: the elements of the inputs, in the order of the operation's, absent ones left out.
///   - body: the replay of a recomputed part's body.
func doubleValue(of operation: Operation, _ inputs: [[Double]], body: DoubleReplay?) -> [Double] {
  switch operation {
  case .unary(let function, _):
    inputs[0].map { Reference.unary(function, $0) }
  case .add(let a, let b):
    broadcast(inputs[0], a.shape, inputs[1], b.shape, +)
  case .subtract(let a, let b):
    broadcast(inputs[0], a.shape, inputs[1], b.shape, -)
  case .multiply(let a, let b):
    broadcast(inputs[0], a.value.shape, inputs[1], b.value.shape, *)
  case .divide(let a, let b):
    broadcast(inputs[0], a.value.shape, inputs[1], b.value.shape, /)
  case .maximum(let a, let b):
    broadcast(inputs[0], a.value.shape, inputs[1], b.value.shape) { $0.isNaN || $0 >= $1 ? $0 : $1 }
  case .minimum(let a, let b):
    broadcast(inputs[0], a.value.shape, inputs[1], b.value.shape) { $0.isNaN || $0 <= $1 ? $0 : $1 }
  case .scale(_, let factor):
    inputs[0].map { $0 * Double(factor) }
  case .offset(_, let offset):
    inputs[0].map { $0 + Double(offset) }
  case .matmul(let a, let b, let transposingLeft, let transposingRight):
    product(inputs[0], a.value.shape, transposingLeft, inputs[1], b.value.shape, transposingRight)
  case .linear(let x, let weight, let bias, let transposingWeight):
    linear(inputs, x.value.shape, weight.value.shape, transposingWeight, hasBias: bias != nil)
  case .reshape:
    inputs[0]
  case .permute(let x, let axes):
    offsets(axes.map { x.shape[$0] }, axes.map { x.shape.steps[$0] }).map { inputs[0][$0] }
  case .slice(let x, let range, let axis):
    slice(inputs[0], x.shape, range, axis)
  case .concatenate(let parts, let axis):
    concatenation(zip(inputs, parts).map { ($0, $1.shape) }, axis)
  case .sum(let x, let axes, let factor):
    sum(inputs[0], x.shape, axes).map { $0 * Double(factor) }
  case .largest(let x, _):
    rows(inputs[0], x.shape).map { $0.reduce($0[$0.startIndex]) { $0.isNaN || $0 >= $1 ? $0 : $1 } }
  case .softmax(let x, _):
    rows(inputs[0], x.shape).flatMap { row in
      let total = logSumExp(row)
      return row.map { exp($0 - total) }
    }
  case .logSoftmax(let x, _):
    rows(inputs[0], x.shape).flatMap { row in
      let total = logSumExp(row)
      return row.map { $0 - total }
    }
  case .layerNorm(let x, let weight, let bias, let epsilon, _, _):
    rows(inputs[0], x.value.shape).flatMap { row in
      let mean = row.reduce(0, +) / Double(row.count)
      let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
      let scale = 1 / (variance + Double(epsilon)).squareRoot()
      return row.indices.map { at in
        let i = at - row.startIndex, weighted = (row[at] - mean) * scale * (weight == nil ? 1 : inputs[1][i])
        return bias == nil ? weighted : weighted + inputs[inputs.count - 1][i]
      }
    }
  case .rmsNorm(let x, let weight, let epsilon, _):
    rows(inputs[0], x.value.shape).flatMap { row in
      let scale = 1 / (row.reduce(0) { $0 + $1 * $1 } / Double(row.count) + Double(epsilon)).squareRoot()
      return row.enumerated().map { i, x in x * scale * (weight == nil ? 1 : inputs[1][i]) }
    }
  case .embedding(let table, let ids):
    ids.flatMap { inputs[0][(Int($0) * table.shape[1])..<((Int($0) + 1) * table.shape[1])] }
  case .rotate(let x, let cosines, let sines):
    rotation(inputs[0], x.shape, cosines.scalars.map(Double.init), sines.scalars.map(Double.init))
  case .attention(let record):
    attention(inputs[0], inputs[1], inputs[2], record.bias == nil ? nil : inputs[3], record.geometry)
  case .crossEntropy(let logits, let targets, _):
    crossEntropy(rows(inputs[0], logits.value.shape), targets)
  case .linearCrossEntropy(let x, let weight, let bias, let transposingWeight, let targets, _, _):
    crossEntropy(
      rows(
        linear(inputs, x.value.shape, weight.value.shape, transposingWeight, hasBias: bias != nil),
        [targets.count, weight.value.shape[transposingWeight ? 0 : 1]]), targets)
  case .dropout(_, let probability, let random):
    inputs[0].enumerated().map { index, x in
      let word = random.bits(UInt64(index / 4))[index % 4] >> 8
      return word < UInt32(probability * 0x1p24) ? 0 : x / (1 - Double(probability))
    }
  case .custom(_, let operands, let forward, _):
    forward(zip(inputs, operands).map { Tensor($0.map { Float($0) }, shape: $1.value.shape) }).scalars.map(Double.init)
  case .recompute:
    body?.value(leaves: inputs) ?? []
  }
}

// MARK: - Where elements are

extension Shape {
  /// How far apart neighbours along each axis lie.
  fileprivate var steps: [Int] {
    var step = 1
    return array.reversed().map { size in
      defer { step *= size }
      return step
    }.reversed()
  }
}

/// Where the elements lie of a tensor with these sizes and steps, in row-major order.
private func offsets(_ sizes: [Int], _ steps: [Int]) -> [Int] {
  var offsets = [0]
  for (size, step) in zip(sizes, steps) {
    let starts = offsets
    offsets = []
    offsets.reserveCapacity(starts.count * size)
    var at = 0
    while at < starts.count {
      var i = 0
      while i < size {
        offsets.append(starts[at] + i * step)
        i += 1
      }
      at += 1
    }
  }
  return offsets
}

/// Runs `body` with the elements of both; not where one has none.
private func withElements(
  _ a: [Double], _ b: [Double], _ body: (UnsafePointer<Double>, UnsafePointer<Double>) -> Void
) {
  a.withUnsafeBufferPointer { a in
    b.withUnsafeBufferPointer { b in
      if let a = a.baseAddress, let b = b.baseAddress { body(a, b) }
    }
  }
}

/// The sum of the products of two runs of elements. Like the loops below it is written for builds without
/// optimization too: a check of gradients is mostly this.
private func dot(
  _ a: UnsafePointer<Double>, _ aStep: Int, _ b: UnsafePointer<Double>, _ bStep: Int, _ count: Int
) -> Double {
  var sum = 0.0, p = 0
  while p < count {
    sum += a[p * aStep] * b[p * bStep]
    p += 1
  }
  return sum
}

/// The innermost rows.
private func rows(_ x: [Double], _ shape: Shape) -> [ArraySlice<Double>] {
  let width = shape.rank == 0 ? 1 : shape[-1]
  return width == 0 ? [] : stride(from: 0, to: x.count, by: width).map { x[$0..<$0 + width] }
}

// MARK: - Formulas

private func broadcast(
  _ a: [Double], _ aShape: Shape, _ b: [Double], _ bShape: Shape, _ function: (Double, Double) -> Double
) -> [Double] {
  let rank = max(aShape.rank, bShape.rank)
  func padded(_ values: [Int], _ value: Int) -> [Int] {
    Array(repeating: value, count: rank - values.count) + values
  }
  let left = padded(aShape.array, 1), right = padded(bShape.array, 1)
  let sizes = zip(left, right).map { $0 == 1 ? $1 : $0 }
  func steps(_ shape: Shape) -> [Int] { padded(zip(shape.array, shape.steps).map { $0 == 1 ? 0 : $1 }, 0) }
  let (from, with) = (offsets(sizes, steps(aShape)), offsets(sizes, steps(bShape)))
  var result = Array(repeating: 0.0, count: from.count), i = 0
  while i < from.count {
    result[i] = function(a[from[i]], b[with[i]])
    i += 1
  }
  return result
}

private func product(
  _ a: [Double], _ aShape: Shape, _ transposingLeft: Bool, _ b: [Double], _ bShape: Shape, _ transposingRight: Bool
) -> [Double] {
  let (m, k) = transposingLeft ? (aShape[-1], aShape[-2]) : (aShape[-2], aShape[-1])
  let n = transposingRight ? bShape[-2] : bShape[-1]
  let count = aShape.array.dropLast(2).reduce(1, *)
  let (aRow, aStep) = transposingLeft ? (1, m) : (k, 1), (bColumn, bStep) = transposingRight ? (k, 1) : (1, n)
  var result = Array(repeating: 0.0, count: count * m * n)
  withElements(a, b) { a, b in
    var at = 0
    while at < result.count {
      let (row, j) = at.quotientAndRemainder(dividingBy: n), (matrix, i) = row.quotientAndRemainder(dividingBy: m)
      let left = matrix * m * k + i * aRow, right = (bShape.rank == 2 ? 0 : matrix * k * n) + j * bColumn
      result[at] = dot(a + left, aStep, b + right, bStep, k)
      at += 1
    }
  }
  return result
}

private func linear(
  _ inputs: [[Double]], _ xShape: Shape, _ weightShape: Shape, _ transposingWeight: Bool, hasBias: Bool
) -> [Double] {
  let rows = xShape.array.dropLast().reduce(1, *), width = weightShape[transposingWeight ? 0 : 1]
  var result = product(inputs[0], Shape(rows, xShape[-1]), false, inputs[1], weightShape, transposingWeight)
  var i = 0
  while hasBias && i < result.count {
    result[i] += inputs[2][i % width]
    i += 1
  }
  return result
}

private func slice(_ x: [Double], _ shape: Shape, _ range: Range<Int>, _ axis: Int) -> [Double] {
  var sizes = shape.array
  sizes[axis] = range.count
  return offsets(sizes, shape.steps).map { x[$0 + range.lowerBound * shape.steps[axis]] }
}

private func concatenation(_ parts: [(elements: [Double], shape: Shape)], _ axis: Int) -> [Double] {
  let rows = parts[0].shape.array.prefix(axis).reduce(1, *)
  return (0..<rows).flatMap { row in
    parts.flatMap { elements, shape in
      let width = shape.array.dropFirst(axis).reduce(1, *)
      return elements[row * width..<(row + 1) * width]
    }
  }
}

private func sum(_ x: [Double], _ shape: Shape, _ axes: [Int]) -> [Double] {
  var kept = shape
  for axis in axes { kept[axis] = 1 }
  let steps = kept.steps.enumerated().map { axes.contains($0) ? 0 : $1 }
  var sums = Array(repeating: 0.0, count: kept.elementCount)
  for (element, target) in zip(x, offsets(shape.array, steps)) { sums[target] += element }
  return sums
}

private func logSumExp(_ row: some Collection<Double>) -> Double {
  guard let largest = row.max() else { return -.infinity }
  return largest + log(row.reduce(0) { $0 + exp($1 - largest) })
}

/// The mean over the rows that count.
private func crossEntropy(_ rows: [ArraySlice<Double>], _ targets: [Int32]) -> [Double] {
  let losses = zip(rows, targets).filter { $1 >= 0 }.map { row, target in
    logSumExp(row) - row[row.startIndex + Int(target)]
  }
  return [losses.reduce(0, +) / Double(max(losses.count, 1))]
}

private func rotation(_ x: [Double], _ shape: Shape, _ cosines: [Double], _ sines: [Double]) -> [Double] {
  let (time, heads, width) = (shape[1], shape[2], shape[3]), half = width / 2
  return x.indices.map { index in
    let i = index % width, position = index / (width * heads) % time
    let angle = position * half + i % max(half, 1)
    return i < half
      ? x[index] * cosines[angle] - x[index + half] * sines[angle]
      : x[index] * cosines[angle] + x[index - half] * sines[angle]
  }
}

/// Attention with all scores at once; a query that sees no key gets zeros.
private func attention(
  _ query: [Double], _ key: [Double], _ value: [Double], _ bias: [Double]?, _ g: AttentionGeometry
) -> [Double] {
  let width = g.headWidth
  func start(_ part: AttentionGeometry.Part, _ row: Int, _ position: Int, _ head: Int) -> Int {
    part.start + row * part.batchStride + position * part.rowStride + head * part.headStride
  }
  var result = Array(repeating: 0.0, count: g.batch * g.queryCount * g.headCount * width)
  withElements(query + key, value) { queriesAndKeys, values in
    for row in 0..<g.batch {
      for i in 0..<g.queryCount {
        var seen: [Int] = [], j = 0
        while j < g.keyCount {
          if g.mask.sees(j, from: g.keyCount - g.queryCount + i, row: row) { seen.append(j) }
          j += 1
        }
        for head in 0..<g.headCount {
          let shared = head / (g.headCount / g.keyValueHeadCount), q = queriesAndKeys + start(g.query, row, i, head)
          var scores = Array(repeating: 0.0, count: seen.count), largest = -Double.infinity, total = 0.0, n = 0
          while n < seen.count {
            let k = queriesAndKeys + (query.count + start(g.key, row, seen[n], shared))
            scores[n] = dot(q, 1, k, 1, width) * Double(g.scale)
            if let bias { scores[n] += bias[(head * g.queryCount + i) * g.keyCount + seen[n]] }
            largest = max(largest, scores[n])
            n += 1
          }
          n = 0
          while n < seen.count {
            scores[n] = exp(scores[n] - largest)
            total += scores[n]
            n += 1
          }
          let target = ((row * g.queryCount + i) * g.headCount + head) * width
          n = 0
          while n < seen.count {
            let v = values + start(g.value, row, seen[n], shared), weight = scores[n] / total
            var d = 0
            while d < width {
              result[target + d] += weight * v[d]
              d += 1
            }
            n += 1
          }
        }
      }
    }
  }
  return result
}
