import Dispatch
import Formats
import Gradients
import Models
import Tensor

extension GPT2.Configuration {
  /// Floating-point operations of a forward pass with all logits: the matrices, and causal attention.
  func forwardFlops(batch: Int, time: Int) -> Int {
    let matrices = 12 * layerCount * width * width + vocabularySize * width
    return 2 * batch * time * matrices + 2 * batch * time * time * width * layerCount
  }
}

extension Work {
  private static func seconds(_ body: () -> Void) -> Double {
    let start = DispatchTime.now().uptimeNanoseconds
    body()
    return Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
  }

  private static func tokens(batch: Int, time: Int, below bound: Int) -> TokenBatch {
    let random = Random(seed: 7)
    return TokenBatch(
      (0..<batch * time).map { Int32(random.integer($0, below: bound)) }, batch: batch, time: time)
  }

  /// All logits of a prompt, GPT-2 124M.
  static func prefill(_ time: Int) -> Work {
    let model = GPT2(.small, seed: 1).packedForInference(), prompt = tokens(batch: 1, time: time, below: 50257)
    var work = Work {
      var pass = Pass()
      _ = model(prompt, &pass)
    }
    (work.tokens, work.repeats, work.warmUps) = (time, 3, 1)
    work.flops = model.configuration.forwardFlops(batch: 1, time: time)
    return work
  }

  /// One token after another with a cache, GPT-2 124M: seconds per token.
  static func decode(_ format: StorageFormat) -> Work {
    let model = GPT2(.small, seed: 1).kept(as: format).packedForInference()
    let prompt = tokens(batch: 1, time: 32, below: 50257)
    let count = 48
    var work = Work.timing {
      var pass = Pass(cache: KeyValueCache(layerCount: 12, capacity: 32 + count))
      var next = TokenBatch([model.nextLogits(prompt, &pass).argmax()[0]])
      let total = seconds {
        for _ in 0..<count { next.ids[0] = Int32(model.nextLogits(next, &pass).argmax()[0]) }
      }
      return total / Double(count)
    }
    (work.tokens, work.bytes, work.repeats, work.warmUps) = (1, model.parameterBytes, 3, 1)
    return work
  }
}
