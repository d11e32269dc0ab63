import CommandLineTool
import Dispatch
import Formats
import Tensor

// `benchmark WORK`: one piece of work, timed; one JSON line.
runProgram {
  let tool = try CommandLineTool(
    "benchmark",
    """
    Times one piece of work and prints one JSON line.

    Works: ceiling, bandwidth.read, bandwidth.copy, matmul.{nn,nt,tn,tt}.MxKxN, softmax.RxC, layernorm.RxC,
    gelu_tanh.RxC, gelu_erf.RxC, crossentropy.TxCxV, attention.{causal,full}.BxHxTxD[.backward], gpt2.prefill.T,
    gpt2.decode.{f32,bf16,f16}, gpt2.train.BxT, chargpt.train.STEPS (with --text FILE).
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
  let work = try Work.named(name, reading: tool.string("text"))
  let times = work.timed(repeats: repeats ?? work.repeats)
  var members: [(String, JSONValue)] = [
    ("work", .string(JSONString(name))), ("threads", .integer(Runtime.threadCount)),
    ("kernels", .string(JSONString(Runtime.kernelSet.rawValue))), ("seconds", .number(times.best)),
    ("median", .number(times.median)), ("peak_bytes", .integer(Memory.processPeakBytes)),
  ]
  for (key, count) in [("flops", work.flops), ("bytes", work.bytes), ("tokens", work.tokens)] {
    if let count { members.append((key, .integer(count))) }
  }
  if let flops = work.flops { members.append(("gflop_per_second", .number(Double(flops) / times.best / 1e9))) }
  if let bytes = work.bytes { members.append(("gb_per_second", .number(Double(bytes) / times.best / 1e9))) }
  for (key, value) in work.results() { members.append((key, value)) }
  let line = JSONValue.object(members.map { JSONMember(JSONString($0.0), $0.1) })
  print(String(decoding: try line.encoded(), as: UTF8.self))
}
