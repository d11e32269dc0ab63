import Tensor

/// The derivative rules: how the gradient `dy` of an operation's result reaches its inputs.
///
/// One rule for each operation and no `default`: an operation without a rule does not compile.
func propagate(_ dy: Tensor, through operation: Operation, into sums: inout GradientSums) {
  switch operation {
  case .unary(let function, let x):
    sums.add(x.node) { x.value.unaryGradient(function, dy) }
  case .add(let a, let b):
    sums.add(a.node) { dy.summed(to: a.shape) }
    sums.add(b.node) { dy.summed(to: b.shape) }
  case .subtract(let a, let b):
    sums.add(a.node) { dy.summed(to: a.shape) }
    sums.add(b.node) { (-dy).summed(to: b.shape) }
  case .multiply(let a, let b):
    sums.add(a.node) { (dy * b.value).summed(to: a.value.shape) }
    sums.add(b.node) { (dy * a.value).summed(to: b.value.shape) }
  case .divide(let a, let b):
    sums.add(a.node) { (dy / b.value).summed(to: a.value.shape) }
    sums.add(b.node) { (-(dy * (a.value / b.value) / b.value)).summed(to: b.value.shape) }
  case .maximum(let a, let b):
    chooseSide(dy, a, b, { $0 >= $1 || $0.isNaN }, &sums)
  case .minimum(let a, let b):
    chooseSide(dy, a, b, { $0 <= $1 || $0.isNaN }, &sums)
  case .scale(let x, let factor):
    sums.add(x.node) { dy * factor }
  case .offset(let x, _):
    sums.add(x.node) { dy }
  case .matmul(let a, let b, let transposingLeft, let transposingRight):
    matmulRule(dy, a, b, transposingLeft, transposingRight, &sums)
  case .linear(let x, let weight, let bias, let transposingWeight):
    let rows = dy.asMatrix
    sums.add(x.node) {
      linear(rows, weight.value, transposingWeight: !transposingWeight).reshaped(x.value.shape)
    }
    sums.add(weight.node) {
      let input = x.value.asMatrix
      return transposingWeight
        ? matmul(rows, input, transposingLeft: true) : matmul(input, rows, transposingLeft: true)
    }
    sums.add(bias?.node) { rows.sum(axis: 0) }
  case .reshape(let x):
    sums.add(x.node) { dy.reshaped(x.shape) }
  case .permute(let x, let axes):
    sums.add(x.node) { dy.permuted(axes.indices.sorted { axes[$0] < axes[$1] }) }
  case .slice(let x, let range, let axis):
    sums.add(x.node) { dy.placed(in: x.shape, axis: axis, start: range.lowerBound) }
  case .concatenate(let parts, let axis):
    var start = 0
    for part in parts {
      let range = start..<start + part.shape[axis]
      sums.add(part.node) { dy.slice(range, axis: axis) }
      start = range.upperBound
    }
  case .sum(let x, let axes, let factor):
    sums.add(x.node) {
      var shape = x.shape
      for axis in axes { shape[axis] = 1 }
      return (dy.reshaped(shape) * factor).broadcast(to: x.shape)
    }
  case .largest(let x, let positions):
    sums.add(x.node) {
      var result = Tensor.zeros(x.shape)
      let width = x.shape[-1], values = dy.scalars
      result.withMutableScalars { target in
        for (row, position) in positions.enumerated() { target[row * width + Int(position)] = values[row] }
      }
      return result
    }
  case .softmax(let x, let output):
    sums.add(x.node) { output.softmaxGradient(dy) }
  case .logSoftmax(let x, let output):
    sums.add(x.node) { output.logSoftmaxGradient(dy) }
  case .layerNorm(let x, let weight, let bias, _, let mean, let inverseDeviation):
    normRule(dy, x, weight, bias, mean: mean, scale: inverseDeviation, &sums)
  case .rmsNorm(let x, let weight, _, let inverseRoot):
    normRule(dy, x, weight, nil, mean: nil, scale: inverseRoot, &sums)
  case .embedding(let table, let ids):
    sums.addRows(table.node, table.shape, dy, at: ids)
  case .rotate(let x, let cosines, let sines):
    sums.add(x.node) { dy.rotated(cosines: cosines, sines: -sines) }
  case .attention(let record):
    let gradients = record.gradients(dy)
    sums.add(record.query.node) { gradients.query }
    if let key = gradients.key { sums.add(record.key.node) { key } }
    if let value = gradients.value { sums.add(record.value.node) { value } }
    if let bias = gradients.bias { sums.add(record.bias?.node) { bias } }
  case .crossEntropy(let logits, let targets, let logSumExp):
    sums.add(logits.node) {
      logits.value.crossEntropyGradient(targets: targets, logSumExp: logSumExp, scale: dy.scalar)
    }
  case .linearCrossEntropy(let x, let weight, let bias, _, let targets, let counted, let gradients):
    let scale = dy.scalar
    if let gradient = gradients.input {
      sums.add(x.node) {
        let rows = gradient.scaledUnlessOne(scale)
        if counted.count == targets.count { return rows.reshaped(x.value.shape) }
        var all = Tensor.zeros([targets.count, rows.shape[1]])
        all.addRows(rows, at: counted)
        return all.reshaped(x.value.shape)
      }
    }
    if let gradient = gradients.weight { sums.add(weight.node) { gradient.scaledUnlessOne(scale) } }
    if let gradient = gradients.bias { sums.add(bias?.node) { gradient.scaledUnlessOne(scale) } }
  case .dropout(let x, let probability, let random):
    sums.add(x.node) { dy.withDropoutMask(probability, random) }
  case .custom(let name, let inputs, _, let pullback):
    let gradients = pullback(dy, inputs.map(\.value))
    precondition(
      gradients.count == inputs.count,
      "the pullback of \(name) returned \(gradients.count) gradients for \(inputs.count) inputs")
    for (input, gradient) in zip(inputs, gradients) {
      guard let gradient else { continue }
      precondition(
        gradient.shape == input.value.shape,
        "the pullback of \(name) returned the shape \(gradient.shape) for an input \(input.value.shape)")
      sums.add(input.node) { gradient.detached.widened }
    }
  case .recompute(let inputs, let body):
    let tape = Tape(leafCount: inputs.count)
    let result = body(
      inputs.enumerated().map { index, input in
        var leaf = input.value
        if input.node != nil { leaf.trace = Trace(tape: tape, leaf: index) }
        return leaf
      })
    tape.close()
    guard let node = result.trace?.node else { return }
    let gradients = backpropagate(dy, from: node, through: tape, leafCount: inputs.count)
    for (input, gradient) in zip(inputs, gradients) {
      if let gradient { sums.add(input.node) { gradient } }
    }
  }
}

private func matmulRule(
  _ dy: Tensor, _ a: Operand, _ b: Operand, _ transposingLeft: Bool, _ transposingRight: Bool,
  _ sums: inout GradientSums
) {
  sums.add(a.node) {
    let gradient = matmul(dy, b.value, transposingRight: !transposingRight)
    return transposingLeft ? gradient.transposed() : gradient
  }
  sums.add(b.node) {
    if b.value.rank == 2 && a.value.rank > 2 && !transposingLeft {  // one matrix for the whole batch
      let (rows, left) = (dy.asMatrix, a.value.asMatrix)
      return transposingRight
        ? matmul(rows, left, transposingLeft: true) : matmul(left, rows, transposingLeft: true)
    }
    let gradient =
      transposingRight
      ? matmul(dy, a.value, transposingLeft: true, transposingRight: transposingLeft)
      : matmul(a.value, dy, transposingLeft: !transposingLeft)
    return gradient.summed(to: b.value.shape)
  }
}

private func normRule(
  _ dy: Tensor, _ x: Operand, _ weight: Operand?, _ bias: Link?, mean: Tensor?, scale: Tensor,
  _ sums: inout GradientSums
) {
  let gradients = x.value.normGradient(
    weight: weight?.value, mean: mean, scale: scale, dy, wantingWeight: weight?.node != nil,
    wantingBias: bias?.node != nil)
  sums.add(x.node) { gradients.input }
  if let gradient = gradients.weight { sums.add(weight?.node) { gradient } }
  if let gradient = gradients.bias { sums.add(bias?.node) { gradient } }
}

/// Sends each element of the gradient to the operand that the result was taken from.
private func chooseSide(
  _ dy: Tensor, _ a: Operand, _ b: Operand, _ isLeft: (Float, Float) -> Bool, _ sums: inout GradientSums
) {
  let left = a.value.widened.broadcast(to: dy.shape).scalars, right = b.value.widened.broadcast(to: dy.shape).scalars
  let chosen = Tensor(zip(left, right).map { isLeft($0, $1) ? 1 : 0 }, shape: dy.shape)
  sums.add(a.node) { (dy * chosen).summed(to: a.value.shape) }
  sums.add(b.node) { (dy - dy * chosen).summed(to: b.value.shape) }
}

extension Tensor {
  fileprivate func scaledUnlessOne(_ factor: Float) -> Tensor { factor == 1 ? self : self * factor }

  /// All outer axes as one: `[rows, width]`.
  fileprivate var asMatrix: Tensor { reshaped(shape.array.dropLast().reduce(1, *), shape[-1]) }
}
