/// AdamW: Adam with decoupled weight decay.
public enum AdamWKernel {
  /// `m = b1 m + (1 - b1) g`, `v = b2 v + (1 - b2) g^2`,
  /// `w -= rate * (m c1 / (sqrt(v c2) + epsilon) + decay * w)`, in one pass over memory.
  @export(implementation) @inline(always) public static func step<V: FloatVector>(
    _: V.Type, _ step: AdamWStep, _ gradient: Source, _ w: Target, _ m: Target, _ v: Target, _ count: Int
  ) {
    let (b1, b2) = (V(repeating: step.beta1), V(repeating: step.beta2))
    let (new1, new2) = (V(repeating: 1 - step.beta1), V(repeating: 1 - step.beta2))
    let (c1, c2) = (V(repeating: step.correction1), V(repeating: step.correction2))
    let (epsilon, scale) = (V(repeating: step.epsilon), V(repeating: step.gradientScale))
    let (rate, decay) = (V(repeating: -step.learningRate), V(repeating: step.weightDecay))
    let largest = V(repeating: Float.greatestFiniteMagnitude)
    @inline(always) func body(_ chunk: Chunk<V>) {
      let g = chunk.load(gradient) * scale
      let first = (b1 * chunk.load(m)).adding(new1, times: g)
      let second = (b2 * chunk.load(v)).adding(new2, times: g * g)
      let old = chunk.load(w)
      let root = (second * c2).minimum(largest).squareRoot()
      let direction = ((first * c1) / (root + epsilon)).adding(decay, times: old)
      chunk.store(first, to: m)
      chunk.store(second, to: v)
      chunk.store(old.adding(rate, times: direction), to: w)
    }
    Sweep.each(V.self, count, body)
  }
}
