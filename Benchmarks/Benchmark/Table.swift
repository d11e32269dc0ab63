import Formats
import Tensor

/// All works beside what the machine can do: its multipliers (`ceiling`) and its memory (`bandwidth.read`), measured in
/// the same run.
struct Table {
  private let ceiling: Double
  private let bandwidth: Double
  private let text: String?
  private let repeats: Int?

  /// The works, in the order of the lines.
  static let works = [
    "matmul.nn.1024x1024x1024", "matmul.nt.512x768x3072", "matmul.tn.768x512x3072", "matmul.nn.64x64x64",
    "matmul.nt.1x768x3072", "matmul.nt.512x768x50257", "softmax.4096x1024", "layernorm.4096x1024",
    "gelu_tanh.4096x1024", "gelu_erf.4096x1024", "crossentropy.1024x768x50257", "attention.causal.1x12x1024x64",
    "attention.full.1x12x1024x64", "attention.causal.1x12x1024x64.backward", "gpt2.prefill.512", "gpt2.decode.f32",
    "gpt2.decode.bf16", "gpt2.decode.f16", "gpt2.train.4x64", "gpt2.train.1x1024", "bert_base.8x128", "bert_base.1x16",
    "vit_b16.4",
  ]

  /// The work that needs a text.
  private static let onText = "chargpt.train.2000"

  /// Measures the machine. With a text the table ends with `chargpt.train.2000`.
  init(reading text: String?, repeats: Int?) throws(InputError) {
    (self.text, self.repeats) = (text, repeats)
    if text != nil { _ = try Work.named(Table.onText, reading: text) }  // a text that is not one is an error at once
    ceiling = try Measurement("ceiling", reading: nil, repeats: nil).flopsPerSecond ?? 0
    bandwidth = try Measurement("bandwidth.read", reading: nil, repeats: nil).bytesPerSecond ?? 0
  }

  /// Measures work after work and prints a line of each as soon as it is known.
  ///
  /// - Returns: the measurements as JSON.
  func measure() throws(InputError) -> JSONValue {
    print(
      "ceiling \(Column.rounded(ceiling / 1e9)) GFLOP/s, bandwidth \(Column.rounded(bandwidth / 1e9)) GB/s,",
      terminator: " ")
    print("\(Runtime.threadCount) threads, \(Runtime.kernelSet.rawValue) kernels\n")
    print(Table.line("work", "time", "rate", "of the machine's"))
    var objects: [JSONValue] = []
    for name in Table.works + (text == nil ? [] : [Table.onText]) {
      let measured = try Measurement(name, reading: name == Table.onText ? text : nil, repeats: repeats)
      objects.append(Measurement.object(measured.members))
      print(line(of: measured))
    }
    return Measurement.object([
      ("ceiling_gflop_per_second", .number(ceiling / 1e9)), ("bandwidth_gb_per_second", .number(bandwidth / 1e9)),
      ("works", .array(objects)),
    ])
  }

  /// The line of a work, with the share of the limit that it is nearer to.
  private func line(of measured: Measurement) -> String {
    let time = "\(Column.rounded(measured.best * 1e3)) ms"
    let flops = measured.flopsPerSecond ?? 0, bytes = measured.bytesPerSecond ?? 0
    if flops / ceiling > bytes / bandwidth {
      return Table.line(
        measured.name, time, "\(Column.rounded(flops / 1e9)) GFLOP/s",
        "ceiling \(Column.rounded(100 * flops / ceiling))%")
    }
    if bytes > 0 {
      return Table.line(
        measured.name, time, "\(Column.rounded(bytes / 1e9)) GB/s",
        "bandwidth \(Column.rounded(100 * bytes / bandwidth))%")
    }
    return Table.line(measured.name, time, "", "")
  }

  private static func line(_ name: String, _ time: String, _ rate: String, _ share: String) -> String {
    Column.left(name, 42) + Column.left(time, 14) + Column.left(rate, 16) + share
  }
}
