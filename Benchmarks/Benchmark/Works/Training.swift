import Formats
import Gradients
import Models
import Tensor
import Tokenizers
import Training

extension Work {
  /// A whole training step of GPT-2 124M: gradient, clipping, AdamW.
  static func train(batch: Int, time: Int) -> Work {
    let random = Random(seed: 7)
    let ids = (0..<batch * time).map { Int32(random.integer($0, below: 50257)) }
    let tokens = TokenBatch(ids, batch: batch, time: time)
    // Each token's target is the next one; the last of a row has none.
    let targets = TokenBatch(
      ids.indices.map { ($0 + 1) % time == 0 ? -1 : ids[$0 + 1] }, batch: batch, time: time)
    var model = GPT2(.small, seed: 1)
    var optimizer = AdamW(clippingNorm: 1)
    var work = Work {
      let (loss, gradient) = valueAndGradient(at: model) { (model: GPT2) in model.loss(tokens, targets: targets) }
      do { try optimizer.update(&model, along: gradient, loss: loss, learningRate: 3e-4) } catch {
        preconditionFailure("\(error)")
      }
    }
    (work.tokens, work.repeats, work.warmUps) = (batch * time, 3, 2)
    // Each product of the forward pass has two backward.
    work.flops = 3 * model.configuration.forwardFlops(batch: batch, time: time)
    return work
  }

  /// nanoGPT's recipe for a CPU, as `train-gpt` has it: seconds of all steps, then the validation loss.
  static func characters(steps: Int, text: String?) throws(InputError) -> Work {
    guard let text else {
      throw InputError(.missing, "chargpt needs a text", at: "--text", advice: "Name one: --text FILE.")
    }
    let bytes = try InputFile.contents(of: text, atMost: 1 << 30)
    guard let string = String(validating: bytes, as: UTF8.self) else {
      throw InputError(.badUTF8, "is no UTF-8 text", at: text)
    }
    let tokenizer = try CharacterTokenizer(charactersOf: string)
    let data = try TokenDataset(
      try tokenizer.encode(string), vocabularySize: tokenizer.vocabularySize, windowsOf: 64)
    var configuration = GPT2.Configuration(
      vocabularySize: tokenizer.vocabularySize, contextLength: 64, width: 128, layerCount: 4, headCount: 4)
    (configuration.hasBiases, configuration.activation) = (false, .gelu)
    let schedule = LearningRate.cosine(peak: 1e-3, floor: 1e-4, warmUp: 100, steps: steps)
    let random = Random(seed: 1)
    var model = GPT2(configuration, seed: 1)
    var work = Work {
      model = GPT2(configuration, seed: 1)
      var optimizer = AdamW(beta1: 0.9, beta2: 0.99, weightDecay: 0.1, clippingNorm: 1)
      for step in 0..<steps {
        let (tokens, targets) = data.training.batch(rows: 12, random: random.derived(step))
        let (loss, gradient) = valueAndGradient(at: model) { (model: GPT2) in model.loss(tokens, targets: targets) }
        do { try optimizer.update(&model, along: gradient, loss: loss, learningRate: schedule(step)) } catch {
          preconditionFailure("\(error)")
        }
      }
    }
    work.results = {
      let loss = model.meanLoss(on: data.validation, batches: 200, rows: 12, random: random.derived("validation"))
      return [("validation_loss", .number(Double(loss))), ("steps", .integer(steps))]
    }
    (work.tokens, work.repeats, work.warmUps) = (steps * 12 * 64, 1, 0)
    return work
  }
}
