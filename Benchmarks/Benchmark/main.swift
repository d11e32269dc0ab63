import CommandLineTool
import Formats
import Tensor

// `benchmark WORK`: one piece of work, timed; one JSON line. `benchmark all`: a table of works.
runProgram {
  let tool = try CommandLineTool(
    "benchmark",
    """
    Times one piece of work and prints one JSON line; with the work "all" it times most of them and prints a table, with
    percents of the machine's own ceiling and bandwidth.

    Works: all, ceiling, bandwidth.read, bandwidth.copy, matmul.{nn,nt,tn,tt}.MxKxN, softmax.RxC, layernorm.RxC,
    gelu_tanh.RxC, gelu_erf.RxC, crossentropy.TxCxV, attention.{causal,full}.BxHxTxD[.backward], gpt2.prefill.T,
    gpt2.decode.{f32,bf16,f16}, gpt2.train.BxT, bert_base.BxT, vit_b16.B, chargpt.train.STEPS (with --text FILE).
    """,
    operands: ["WORK"],
    options: [
      .init("repeats", "N", "how often the work is timed; the best and the median are printed (default: 7)"),
      .init("text", "FILE", "the text that chargpt trains on"),
    ] + CommandLineTool.runtimeOptions)
  guard let name = tool.operands.first else {
    throw InputError(.missing, "no work is named", at: "benchmark", advice: "See benchmark --help.")
  }
  try tool.startRuntime()
  let repeats = try tool.int("repeats", in: 1...10000)
  let text = tool.string("text")
  if name == "all" {
    let works = try Table(reading: text, repeats: repeats).measure()
    if tool.has("json") { print(String(decoding: try works.encoded(), as: UTF8.self)) }
  } else {
    let measured = try Measurement(name, reading: text, repeats: repeats)
    print(String(decoding: try Measurement.object(measured.members).encoded(), as: UTF8.self))
  }
}
