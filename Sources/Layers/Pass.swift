/// What travels with the values through one forward pass: the cache, the mask, the random state, what to capture.
///
/// There is one forward: training, prefill and decoding differ in their pass alone.
public struct Pass: Sendable {
  /// Whether dropout acts.
  public var isTraining: Bool { random != nil }
  /// Keys and values of earlier tokens, where there are any.
  public var cache: KeyValueCache?
  /// Padding of the batch.
  public var mask: AttentionMask
  /// Where the tokens stand in their texts; nil where they follow those of the cache, from 0 on without one.
  public var positions: TextPositions?
  /// Whether blocks are computed again for their gradient, to save memory.
  public var recomputesBlocks: Bool
  /// What is captured on the way; nil costs nothing.
  public var capture: Capture?
  private var random: Random?
  private var randomUses = 0

  /// A pass for inference without a cache, unless said otherwise.
  ///
  ///     var pass = Pass(trainingWith: random.derived(step))
  ///
  /// - Parameter random: what dropout draws from, in training; nil for inference. Two passes of the same key drop the
  ///   same elements: derive one for each step.
  public init(
    trainingWith random: Random? = nil, cache: KeyValueCache? = nil, mask: AttentionMask = .none,
    positions: TextPositions? = nil, recomputesBlocks: Bool = false, capture: Capture? = nil
  ) {
    self.random = random
    self.cache = cache
    self.mask = mask
    self.positions = positions
    self.recomputesBlocks = recomputesBlocks
    self.capture = capture
  }

  /// The position of the first token of this pass unless `positions` say others: how many tokens the cache holds.
  public var position: Int { cache?.length ?? 0 }

  /// Random numbers that no other place of this pass gets. Only a pass for training has them.
  public mutating func nextRandom() -> Random {
    guard let random else { preconditionFailure("Pass.nextRandom: a pass for inference; see Pass(trainingWith:)") }
    randomUses += 1
    return random.derived(randomUses)
  }

  /// Runs one block of a model; where the pass asks for it, its inner values are computed again for the gradient.
  public mutating func run<Block: Module>(
    _ block: Block, _ x: Tensor, _ body: @escaping @Sendable (Block, Tensor, inout Pass) -> Tensor
  ) -> Tensor {
    run(block, [x]) { block, values, pass in body(block, values[0], &pass) }
  }

  /// Runs one block that takes several values, such as its input and what it attends to. Values with a gradient must be
  /// among them: `body` may use no others.
  public mutating func run<Block: Module>(
    _ block: Block, _ values: [Tensor], _ body: @escaping @Sendable (Block, [Tensor], inout Pass) -> Tensor
  ) -> Tensor {
    guard recomputesBlocks, values.contains(where: { $0.trace != nil }) || block.isRecorded else {
      return body(block, values, &self)
    }
    // The pass that is kept has the random state of now, so that dropout drops the same again.
    var before = self
    before.capture = nil
    let constant = block.detached  // a tape that held values of its own would never be freed
    let value = body(constant, values.map(\.detached), &self)
    let count = values.count
    return recomputed(value, from: values + block.parameters.map(\.value)) { [before] values in
      var pass = before
      return body(constant.replacingParameters(values.dropFirst(count)), Array(values.prefix(count)), &pass)
    }
  }
}

extension Module {
  var isRecorded: Bool { parameters.contains { $0.value.trace != nil } }

  /// The module as a constant.
  var detached: Self {
    var copy = self
    copy.updateParameters { _, parameter in parameter = parameter.detached }
    return copy
  }

  /// The module with other parameters, in the order of the listing.
  package func replacingParameters(_ values: some Sequence<Tensor>) -> Self {
    var copy = self
    var iterator = values.makeIterator()
    copy.updateParameters { name, parameter in
      guard let value = iterator.next() else { preconditionFailure("no value for the parameter \(name)") }
      parameter = value
    }
    return copy
  }
}

/// Values captured during a pass, by name.
public struct Capture: Sendable {
  private let wants: @Sendable (String) -> Bool
  /// What was captured, in order.
  public private(set) var values: [(name: String, value: Tensor)] = []

  /// Captures the values whose name satisfies `wants`: every one unless given.
  public init(where wants: @escaping @Sendable (_ name: String) -> Bool = { _ in true }) { self.wants = wants }

  /// The captured value called `name`.
  public subscript(name: String) -> Tensor? { values.first { $0.name == name }?.value }

  /// Captures `value` under `name`, if it is wanted; otherwise it is not computed.
  public mutating func note(_ name: String, _ value: @autoclosure () -> Tensor) {
    if wants(name) { values.append((name, value().detached)) }
  }
}
