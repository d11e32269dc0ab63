import Formats
import Gradients
import Models
import Tensor

extension Work {
  static func train(batch: Int, time: Int) -> Work {
    let random = Random(seed: 7)
    let tokens = TokenBatch(
      (0..<batch * time).map { Int32(random.integer($0, below: 50257)) }, batch: batch, time: time)
    var targets = tokens
    targets.ids = (0..<batch * time).map { ($0 + 1) % time == 0 ? -1 : tokens.ids[$0 + 1] }
    let model = GPT2(.small, seed: 1)
    var work = Work {
      let (loss, _) = valueAndGradient(at: model) { $0.loss(tokens, targets: targets) }
      precondition(loss.isFinite)
    }
    (work.tokens, work.repeats, work.warmUps) = (batch * time, 3, 2)
    return work
  }

  static func characters(steps: Int, text: String?) throws(InputError) -> Work {
    throw InputError(.unsupported, "not written yet", at: "chargpt")
  }
}
