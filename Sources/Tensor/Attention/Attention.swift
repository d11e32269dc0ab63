import Kernels

/// Scaled dot-product attention (Vaswani et al. 2017, equation 1): `softmax(scale * Q K^T + bias) V` for every head.
///
/// - Parameters:
///   - query: `[batch, queries, heads, headWidth]`
///   - key: `[batch, keys, keyValueHeads, headWidth]`; each key-value head serves `heads / keyValueHeads` query heads
///     that follow one another (Ainslie et al. 2023).
///   - value: as `key`.
///   - keyCount: how many of the keys there are yet, for a cache with room to grow; all unless given.
///   - mask: which keys a query sees. With `.causal`, the queries are the last of the positions.
///   - scale: `1 / sqrt(headWidth)` unless given.
///   - bias: added to the scaled scores, for every batch row alike: `[heads, queries, keys]`, the keys those that there
///     are yet; none unless given.
/// - Returns: `[batch, queries, heads * headWidth]`. A query that sees no key gets zeros. Memory besides it is linear
///   in the number of queries. A query has the same bits alone as among others, but for those among 128 or more (over as many
///   keys, of 32 to 1024 numbers each) with the `amx` kernels.
public func scaledDotProductAttention(
  query: Tensor, key: Tensor, value: Tensor, keyCount: Int? = nil, mask: AttentionMask = .none, scale: Float? = nil,
  bias: Tensor? = nil
) -> Tensor {
  precondition(
    query.rank == 4 && key.rank == 4 && key.shape == value.shape && query.shape[0] == key.shape[0]
      && query.shape[3] == key.shape[3] && key.shape[2] > 0 && query.shape[2] % key.shape[2] == 0
      && 0...key.shape[1] ~= keyCount ?? 0,
    "scaledDotProductAttention: query \(query.shape), key \(key.shape), value \(value.shape)"
      + (keyCount.map { ", \($0) keys" } ?? ""))
  let width = query.shape[3]
  func part(_ t: Tensor) -> AttentionGeometry.Part {
    .init(start: 0, rowStride: t.shape[2] * width, batchStride: t.shape[1] * t.shape[2] * width, headStride: width)
  }
  return attention(
    query, key, value,
    AttentionGeometry(
      batch: query.shape[0], queryCount: query.shape[1], keyCount: keyCount ?? key.shape[1],
      headCount: query.shape[2], keyValueHeadCount: key.shape[2], headWidth: width, query: part(query),
      key: part(key), value: part(value), scale: scale ?? 1 / Float(width).squareRoot(), mask: mask), bias)
}

/// The same over the keys and values of a cache.
///
/// - Parameters:
///   - query: `[batch, queries, heads, headWidth]`; the last of the positions.
///   - cached: the keys and values so far, those of the queries too. Where some are gone, the mask has a window that they
///     are outside of; it and the bias are of all tokens.
public func scaledDotProductAttention(
  query: Tensor, cached: CachedKeysAndValues, mask: AttentionMask = .causal, scale: Float? = nil, bias: Tensor? = nil
) -> Tensor {
  let (key, value) = (cached.key, cached.value)
  precondition(
    query.rank == 4 && query.shape[0] == key.shape[0] && query.shape[3] == key.shape[3] && key.shape[1] > 0
      && query.shape[2] % key.shape[1] == 0,
    "scaledDotProductAttention: query \(query.shape), cached keys \(key.shape)")
  let (heads, room, width) = (key.shape[1], key.shape[2], key.shape[3]), rowStride = query.shape[2] * width
  let part = AttentionGeometry.Part(
    start: 0, rowStride: width, batchStride: heads * room * width, headStride: room * width)
  return attention(
    query, key, value,
    AttentionGeometry(
      batch: query.shape[0], queryCount: query.shape[1], keyCount: cached.count, headCount: query.shape[2],
      keyValueHeadCount: heads, headWidth: width,
      query: .init(start: 0, rowStride: rowStride, batchStride: query.shape[1] * rowStride, headStride: width),
      key: part, value: part, scale: scale ?? 1 / Float(width).squareRoot(),
      mask: cached.kept(of: mask, queryCount: query.shape[1])), cached.kept(of: bias))
}

/// Self-attention from one projection that holds queries, keys and values side by side:
/// `[batch, time, (heads + 2 * keyValueHeads) * headWidth]`. Nothing is split or copied.
public func scaledDotProductAttention(
  packed: Tensor, headCount: Int, keyValueHeadCount: Int? = nil, mask: AttentionMask = .none, scale: Float? = nil
) -> Tensor {
  let shared = keyValueHeadCount ?? headCount, total = headCount + 2 * shared
  precondition(
    packed.rank == 3 && headCount > 0 && shared > 0 && packed.shape[2] % total == 0 && headCount % shared == 0,
    "scaledDotProductAttention: a projection \(packed.shape) for \(headCount) heads and \(shared) key-value heads")
  let (batch, time, rowStride) = (packed.shape[0], packed.shape[1], packed.shape[2])
  let width = rowStride / total
  func part(_ head: Int) -> AttentionGeometry.Part {
    .init(start: head * width, rowStride: rowStride, batchStride: time * rowStride, headStride: width)
  }
  return attention(
    packed, packed, packed,
    AttentionGeometry(
      batch: batch, queryCount: time, keyCount: time, headCount: headCount, keyValueHeadCount: shared,
      headWidth: width, query: part(0), key: part(headCount), value: part(headCount + shared),
      scale: scale ?? 1 / Float(width).squareRoot(), mask: mask))
}

private func attention(
  _ query: Tensor, _ key: Tensor, _ value: Tensor, _ geometry: AttentionGeometry, _ bias: Tensor? = nil
) -> Tensor {
  precondition(
    geometry.mask.fits(batch: geometry.batch, keys: geometry.keyCount),
    "attention: the padding mask is not \(geometry.batch) rows of \(geometry.keyCount) keys")
  precondition(
    geometry.scale > 0 && geometry.scale.isFinite, "attention: a scale of \(geometry.scale)")
  precondition(
    !geometry.mask.isCausal || geometry.queryCount <= geometry.keyCount,
    "causal attention of \(geometry.queryCount) queries over \(geometry.keyCount) keys")
  precondition(
    bias.map { $0.shape == geometry.biasShape } ?? true,
    "attention: a bias \(bias?.shape.description ?? ""), must be \(geometry.biasShape)")
  let (q, k, v, added) = (query.widened, key.widened, value.widened, bias?.widened)
  let result = Tensor(uninitialized: geometry.outputShape)
  let logSumExp = Tensor(uninitialized: Shape(geometry.batch, geometry.headCount, geometry.queryCount))
  let blocks = kernels.matmul
  AttentionForwardWork(
    geometry: geometry, query: q.source, key: k.source, value: v.source, bias: added?.source, output: result.target,
    logSumExp: logSumExp.target, blocks: blocks,
    queriesPerBlock: AttentionForwardWork.queriesPerBlock(geometry, blocks, threads: Crew.shared.threads)
  ).runOnCrew()
  withExtendedLifetime((q, k, v, added)) {}
  func operation() -> Operation {
    .attention(
      AttentionRecord(
        query: Operand(query), key: Operand(key), value: Operand(value), bias: bias.map(Operand.init),
        geometry: geometry, output: result, logSumExp: logSumExp))
  }
  return bias.map { result.recorded([query, key, value, $0], operation()) }
    ?? result.recorded(query, key, value, operation())
}

extension AttentionRecord {
  /// The pullback: a gradient for each distinct operand. One projection that holds all three gets one gradient, from
  /// `query`.
  package func gradients(_ dOutput: Tensor) -> (query: Tensor, key: Tensor?, value: Tensor?, bias: Tensor?) {
    let isPacked = query.node != nil && query.node == key.node && query.node == value.node
    let (q, k, v) = (query.value.widened, key.value.widened, value.value.widened)
    let dQuery = Tensor.zeros(q.shape)
    let dKey = isPacked ? nil : Tensor.zeros(k.shape), dValue = isPacked ? nil : Tensor.zeros(v.shape)
    let added = bias?.value.widened, dBias = bias?.node == nil ? nil : Tensor.zeros(geometry.biasShape)
    AttentionBackwardWork(
      geometry: geometry, query: q.source, key: k.source, value: v.source, bias: added?.source, output: output.source,
      logSumExp: logSumExp.source, dOutput: dOutput.source, dQuery: dQuery.target,
      dKey: (dKey ?? dQuery).target, dValue: (dValue ?? dQuery).target, dBias: dBias?.target, blocks: kernels.matmul
    ).runOnCrew()
    withExtendedLifetime((q, k, v, added, dOutput)) {}
    return (dQuery, dKey, dValue, dBias)
  }
}
