// Made with the Python package `tokenizers` 0.21.0: ids with special tokens, and their text without.
struct Golden: Sendable {
  var text: String
  var ids: [Int]
  var decoded: String
}

let gpt2Golden: [Golden] = [
  Golden(
    text: "Hello, world!",
    ids: [15496, 11, 995, 0],
    decoded: "Hello, world!"),
  Golden(
    text: "  two  spaces ",
    ids: [220, 734, 220, 9029, 220],
    decoded: "  two  spaces "),
  Golden(
    text: "I'VE don't 'S 'tis we'll",
    ids: [40, 6, 6089, 836, 470, 705, 50, 705, 48010, 356, 1183],
    decoded: "I'VE don't 'S 'tis we'll"),
  Golden(
    text: "\r\n\r\nline\r\n x",
    ids: [201, 198, 201, 198, 1370, 201, 198, 2124],
    decoded: "\r\n\r\nline\r\n x"),
  Golden(
    text: "tab\tthen\n\n\nnewlines \n ",
    ids: [8658, 197, 8524, 628, 198, 3605, 6615, 220, 198, 220],
    decoded: "tab\tthen\n\n\nnewlines \n "),
  Golden(
    text: "café and cafe\u{301}",
    ids: [66, 1878, 2634, 290, 26725, 136, 223],
    decoded: "café and cafe\u{301}"),
  Golden(
    text: "\u{212B}ngström A\u{30A}",
    ids: [158, 226, 104, 782, 2536, 9101, 76, 317, 136, 232],
    decoded: "\u{212B}ngström A\u{30A}"),
  Golden(
    text: "1234567 3.14 \u{663}\u{664} ½",
    ids: [10163, 2231, 3134, 513, 13, 1415, 18923, 96, 149, 97, 25208],
    decoded: "1234567 3.14 \u{663}\u{664} ½"),
  Golden(
    text: "\u{E2A}\u{E27}\u{E31}\u{E2A}\u{E14}\u{E35}",
    ids: [19567, 103, 19567, 100, 19567, 109, 19567, 103, 19567, 242, 19567, 113],
    decoded: "\u{E2A}\u{E27}\u{E31}\u{E2A}\u{E14}\u{E35}"),
  Golden(
    text: "\u{928}\u{92E}\u{938}\u{94D}\u{924}\u{947} \u{915}\u{94D}\u{937}\u{93F}",
    ids: [
      11976, 101, 11976, 106, 11976, 116, 24231, 235, 11976, 97, 24231, 229, 28225, 243, 24231, 235, 11976, 115, 11976,
      123,
    ],
    decoded: "\u{928}\u{92E}\u{938}\u{94D}\u{924}\u{947} \u{915}\u{94D}\u{937}\u{93F}"),
  Golden(
    text: "\u{4F60}\u{597D}\u{FF0C}\u{4E16}\u{754C}",
    ids: [19526, 254, 25001, 121, 171, 120, 234, 10310, 244, 45911, 234],
    decoded: "\u{4F60}\u{597D}\u{FF0C}\u{4E16}\u{754C}"),
  Golden(
    text: "\u{65E5}\u{672C}\u{8A9E} \u{30C6}\u{30B9}\u{30C8}",
    ids: [33768, 98, 17312, 105, 45739, 252, 14524, 228, 43302],
    decoded: "\u{65E5}\u{672C}\u{8A9E} \u{30C6}\u{30B9}\u{30C8}"),
  Golden(
    text: "\u{D55C}\u{AD6D}\u{C5B4} \u{1112}\u{1161}\u{11AB}",
    ids: [47991, 250, 166, 113, 255, 168, 244, 112, 28053, 226, 240, 157, 227, 94, 157, 228, 104],
    decoded: "\u{D55C}\u{AD6D}\u{C5B4} \u{1112}\u{1161}\u{11AB}"),
  Golden(
    text: "\u{1F469}\u{200D}\u{1F469}\u{200D}\u{1F467} ok \u{1F1E9}\u{1F1EA}",
    ids: [41840, 102, 447, 235, 41840, 102, 447, 235, 41840, 100, 12876, 12520, 229, 102, 8582, 229, 103],
    decoded: "\u{1F469}\u{200D}\u{1F469}\u{200D}\u{1F467} ok \u{1F1E9}\u{1F1EA}"),
  Golden(
    text: "\u{1F44D}\u{1F3FD}\u{1F3F3}\u{FE0F}",
    ids: [41840, 235, 8582, 237, 121, 8582, 237, 111, 37929],
    decoded: "\u{1F44D}\u{1F3FD}\u{1F3F3}\u{FE0F}"),
  Golden(
    text: "\u{0}\u{1}\u{7F}",
    ids: [188, 189, 221],
    decoded: "\u{0}\u{1}\u{7F}"),
  Golden(
    text: "\u{A0}\u{2003}\u{3000}x",
    ids: [1849, 447, 225, 5099, 222, 87],
    decoded: "\u{A0}\u{2003}\u{3000}x"),
  Golden(
    text: "zero\u{200B}width\u{FEFF}",
    ids: [22570, 9525, 10394, 171, 119, 123],
    decoded: "zero\u{200B}width\u{FEFF}"),
  Golden(
    text: "Привет, мир",
    ids: [140, 253, 21169, 18849, 38857, 16843, 20375, 11, 12466, 120, 18849, 21169],
    decoded: "Привет, мир"),
  Golden(
    text: "\u{627}\u{644}\u{639}\u{631}\u{628}\u{64A}\u{629} 123",
    ids: [23525, 44690, 26897, 39848, 22654, 45632, 17031],
    decoded: "\u{627}\u{644}\u{639}\u{631}\u{628}\u{64A}\u{629} 123"),
  Golden(
    text: "def f(x):\n\treturn x**2  # ok",
    ids: [4299, 277, 7, 87, 2599, 198, 197, 7783, 2124, 1174, 17, 220, 1303, 12876],
    decoded: "def f(x):\n\treturn x**2  # ok"),
  Golden(
    text: "a<s>b </s> <s> c",
    ids: [64, 27, 82, 29, 65, 7359, 82, 29, 1279, 82, 29, 269],
    decoded: "a<s>b </s> <s> c"),
  Golden(
    text: "x<|endoftext|> y <|im_start|>z",
    ids: [87, 50256, 331, 1279, 91, 320, 62, 9688, 91, 29, 89],
    decoded: "x y <|im_start|>z"),
  Golden(
    text: "<|start_story|><|end_story|>",
    ids: [27, 91, 9688, 62, 13571, 91, 6927, 91, 437, 62, 13571, 91, 29],
    decoded: "<|start_story|><|end_story|>"),
  Golden(
    text: "\u{2581}\u{2581}x\u{2581}",
    ids: [5008, 223, 5008, 223, 87, 5008, 223],
    decoded: "\u{2581}\u{2581}x\u{2581}"),
  Golden(
    text: "Ġthe Ċ",
    ids: [128, 254, 1169, 34754, 232],
    decoded: "Ġthe Ċ"),
  Golden(
    text: "<0x0A> <unk>",
    ids: [27, 15, 87, 15, 32, 29, 1279, 2954, 29],
    decoded: "<0x0A> <unk>"),
  Golden(
    text: "^^^^^^^^^^",
    ids: [39397, 39397, 18237],
    decoded: "^^^^^^^^^^"),
  Golden(
    text: "         x",
    ids: [220, 220, 220, 220, 220, 220, 220, 220, 2124],
    decoded: "         x"),
  Golden(
    text: "\u{FFFD}\u{FFFE}",
    ids: [4210, 171, 123, 122],
    decoded: "\u{FFFD}\u{FFFE}"),
  Golden(
    text: "\u{2019}s ſ 'ſ",
    ids: [447, 247, 82, 25370, 123, 705, 129, 123],
    decoded: "\u{2019}s ſ 'ſ"),
  Golden(
    text: "https://a.b/c?d=e&f=1",
    ids: [5450, 1378, 64, 13, 65, 14, 66, 30, 67, 28, 68, 5, 69, 28, 16],
    decoded: "https://a.b/c?d=e&f=1"),
]

let llamaGolden: [Golden] = [
  Golden(
    text: "Hello, world!",
    ids: [1, 15043, 29892, 3186, 29991],
    decoded: "Hello, world!"),
  Golden(
    text: "  two  spaces ",
    ids: [1, 259, 1023, 29871, 8162, 29871],
    decoded: "  two  spaces "),
  Golden(
    text: "I'VE don't 'S 'tis we'll",
    ids: [1, 306, 29915, 12064, 1016, 29915, 29873, 525, 29903, 525, 28898, 591, 29915, 645],
    decoded: "I'VE don't 'S 'tis we'll"),
  Golden(
    text: "\r\n\r\nline\r\n x",
    ids: [1, 6756, 13, 30004, 13, 1220, 30004, 13, 921],
    decoded: "\r\n\r\nline\r\n x"),
  Golden(
    text: "tab\tthen\n\n\nnewlines \n ",
    ids: [1, 4434, 12, 6098, 13, 13, 13, 1482, 9012, 29871, 13, 29871],
    decoded: "tab\tthen\n\n\nnewlines \n "),
  Golden(
    text: "café and cafe\u{301}",
    ids: [1, 274, 28059, 322, 5777, 1725, 30103],
    decoded: "café and cafe\u{301}"),
  Golden(
    text: "\u{212B}ngström A\u{30A}",
    ids: [1, 29871, 229, 135, 174, 865, 25961, 319, 207, 141],
    decoded: "\u{212B}ngström A\u{30A}"),
  Golden(
    text: "1234567 3.14 \u{663}\u{664} ½",
    ids: [
      1, 29871, 29896, 29906, 29941, 29946, 29945, 29953, 29955, 29871, 29941, 29889, 29896, 29946, 29871, 220, 166,
      220, 167, 29871, 30226,
    ],
    decoded: "1234567 3.14 \u{663}\u{664} ½"),
  Golden(
    text: "\u{E2A}\u{E27}\u{E31}\u{E2A}\u{E14}\u{E35}",
    ids: [1, 29871, 30547, 30492, 30510, 30547, 30718, 30691],
    decoded: "\u{E2A}\u{E27}\u{E31}\u{E2A}\u{E14}\u{E35}"),
  Golden(
    text: "\u{928}\u{92E}\u{938}\u{94D}\u{924}\u{947} \u{915}\u{94D}\u{937}\u{93F}",
    ids: [1, 29871, 30424, 30485, 30489, 30296, 30475, 30569, 29871, 30444, 30296, 31330, 30436],
    decoded: "\u{928}\u{92E}\u{938}\u{94D}\u{924}\u{947} \u{915}\u{94D}\u{937}\u{93F}"),
  Golden(
    text: "\u{4F60}\u{597D}\u{FF0C}\u{4E16}\u{754C}",
    ids: [1, 29871, 30919, 31076, 30214, 30793, 30967],
    decoded: "\u{4F60}\u{597D}\u{FF0C}\u{4E16}\u{754C}"),
  Golden(
    text: "\u{65E5}\u{672C}\u{8A9E} \u{30C6}\u{30B9}\u{30C8}",
    ids: [1, 29871, 30325, 30346, 30968, 29871, 30572, 30255, 30279],
    decoded: "\u{65E5}\u{672C}\u{8A9E} \u{30C6}\u{30B9}\u{30C8}"),
  Golden(
    text: "\u{D55C}\u{AD6D}\u{C5B4} \u{1112}\u{1161}\u{11AB}",
    ids: [1, 29871, 30877, 31293, 31129, 29871, 228, 135, 149, 228, 136, 164, 228, 137, 174],
    decoded: "\u{D55C}\u{AD6D}\u{C5B4} \u{1112}\u{1161}\u{11AB}"),
  Golden(
    text: "\u{1F469}\u{200D}\u{1F469}\u{200D}\u{1F467} ok \u{1F1E9}\u{1F1EA}",
    ids: [
      1, 29871, 243, 162, 148, 172, 30722, 243, 162, 148, 172, 30722, 243, 162, 148, 170, 3431, 29871, 243, 162, 138,
      172, 243, 162, 138, 173,
    ],
    decoded: "\u{1F469}\u{200D}\u{1F469}\u{200D}\u{1F467} ok \u{1F1E9}\u{1F1EA}"),
  Golden(
    text: "\u{1F44D}\u{1F3FD}\u{1F3F3}\u{FE0F}",
    ids: [1, 29871, 243, 162, 148, 144, 243, 162, 146, 192, 243, 162, 146, 182, 30598],
    decoded: "\u{1F44D}\u{1F3FD}\u{1F3F3}\u{FE0F}"),
  Golden(
    text: "\u{0}\u{1}\u{7F}",
    ids: [1, 29871, 3, 4, 130],
    decoded: "\u{0}\u{1}\u{7F}"),
  Golden(
    text: "\u{A0}\u{2003}\u{3000}x",
    ids: [1, 20246, 30363, 30358, 29916],
    decoded: "\u{A0}\u{2003}\u{3000}x"),
  Golden(
    text: "zero\u{200B}width\u{FEFF}",
    ids: [1, 5225, 30166, 2103, 30143],
    decoded: "zero\u{200B}width\u{FEFF}"),
  Golden(
    text: "Привет, мир",
    ids: [1, 7203, 7616, 29892, 4157, 29927],
    decoded: "Привет, мир"),
  Golden(
    text: "\u{627}\u{644}\u{639}\u{631}\u{628}\u{64A}\u{629} 123",
    ids: [1, 24508, 30218, 30156, 30177, 30163, 30242, 29871, 29896, 29906, 29941],
    decoded: "\u{627}\u{644}\u{639}\u{631}\u{628}\u{64A}\u{629} 123"),
  Golden(
    text: "def f(x):\n\treturn x**2  # ok",
    ids: [1, 822, 285, 29898, 29916, 1125, 13, 12, 2457, 921, 1068, 29906, 29871, 396, 3431],
    decoded: "def f(x):\n\treturn x**2  # ok"),
  Golden(
    text: "a<s>b </s> <s> c",
    ids: [1, 263, 29966, 29879, 29958, 29890, 2, 1, 274],
    decoded: "a<s>b c"),
  Golden(
    text: "x<|endoftext|> y <|im_start|>z",
    ids: [1, 921, 29966, 29989, 355, 974, 726, 29989, 29958, 343, 529, 29989, 326, 29918, 2962, 29989, 29958, 29920],
    decoded: "x<|endoftext|> y <|im_start|>z"),
  Golden(
    text: "<|start_story|><|end_story|>",
    ids: [1, 529, 29989, 2962, 29918, 24098, 29989, 5299, 29989, 355, 29918, 24098, 29989, 29958],
    decoded: "<|start_story|><|end_story|>"),
  Golden(
    text: "\u{2581}\u{2581}x\u{2581}",
    ids: [1, 259, 921, 29871],
    decoded: "  x "),
  Golden(
    text: "Ġthe Ċ",
    ids: [1, 29871, 31937, 1552, 29871, 199, 141],
    decoded: "Ġthe Ċ"),
  Golden(
    text: "<0x0A> <unk>",
    ids: [1, 529, 29900, 29916, 29900, 29909, 29958, 0],
    decoded: "<0x0A>"),
  Golden(
    text: "^^^^^^^^^^",
    ids: [1, 6228, 16672, 16672, 16672, 16672, 29985],
    decoded: "^^^^^^^^^^"),
  Golden(
    text: "         x",
    ids: [1, 3986, 921],
    decoded: "         x"),
  Golden(
    text: "\u{FFFD}\u{FFFE}",
    ids: [1, 29871, 30140, 242, 194, 193],
    decoded: "\u{FFFD}\u{FFFE}"),
  Golden(
    text: "\u{2019}s ſ 'ſ",
    ids: [1, 16156, 29879, 29871, 30473, 525, 30473],
    decoded: "\u{2019}s ſ 'ſ"),
  Golden(
    text: "https://a.b/c?d=e&f=1",
    ids: [1, 2045, 597, 29874, 29889, 29890, 29914, 29883, 29973, 29881, 29922, 29872, 29987, 29888, 29922, 29896],
    decoded: "https://a.b/c?d=e&f=1"),
]

let tinyStoriesGolden: [Golden] = [
  Golden(
    text: "Hello, world!",
    ids: [1, 80, 1443, 410, 555, 4],
    decoded: "Hello, world!"),
  Golden(
    text: "  two  spaces ",
    ids: [1, 80, 80, 80, 1209, 80, 415, 53, 55, 368],
    decoded: "  two  spaces "),
  Golden(
    text: "I'VE don't 'S 'tis we'll",
    ids: [1, 80, 34, 7, 47, 30, 80, 849, 7, 44, 80, 7, 72, 124, 1140, 7, 113],
    decoded: "I'VE don't 'S 'tis we'll"),
  Golden(
    text: "\r\n\r\nline\r\n x",
    ids: [1, 80, 0, 3, 0, 3, 64, 96, 57, 0, 3, 80, 76],
    decoded: "\n\nline\n x"),
  Golden(
    text: "tab\tthen\n\n\nnewlines \n ",
    ids: [1, 80, 292, 54, 0, 1398, 3, 3, 3, 1105, 64, 96, 368, 3, 80],
    decoded: "tabthen\n\n\nnewlines \n "),
  Golden(
    text: "café and cafe\u{301}",
    ids: [1, 80, 295, 58, 0, 100, 295, 255, 0],
    decoded: "caf and cafe"),
  Golden(
    text: "\u{212B}ngström A\u{30A}",
    ids: [1, 80, 0, 66, 59, 726, 0, 316, 26, 0],
    decoded: "ngstrm A"),
  Golden(
    text: "1234567 3.14 \u{663}\u{664} ½",
    ids: [1, 80, 12, 13, 14, 15, 16, 17, 18, 80, 14, 10, 12, 15, 80, 0, 80, 0],
    decoded: "1234567 3.14  "),
  Golden(
    text: "\u{E2A}\u{E27}\u{E31}\u{E2A}\u{E14}\u{E35}",
    ids: [1, 80, 0],
    decoded: ""),
  Golden(
    text: "\u{928}\u{92E}\u{938}\u{94D}\u{924}\u{947} \u{915}\u{94D}\u{937}\u{93F}",
    ids: [1, 80, 0, 80, 0],
    decoded: " "),
  Golden(
    text: "\u{4F60}\u{597D}\u{FF0C}\u{4E16}\u{754C}",
    ids: [1, 80, 0],
    decoded: ""),
  Golden(
    text: "\u{65E5}\u{672C}\u{8A9E} \u{30C6}\u{30B9}\u{30C8}",
    ids: [1, 80, 0, 80, 0],
    decoded: " "),
  Golden(
    text: "\u{D55C}\u{AD6D}\u{C5B4} \u{1112}\u{1161}\u{11AB}",
    ids: [1, 80, 0, 80, 0],
    decoded: " "),
  Golden(
    text: "\u{1F469}\u{200D}\u{1F469}\u{200D}\u{1F467} ok \u{1F1E9}\u{1F1EA}",
    ids: [1, 80, 0, 80, 171, 80, 0],
    decoded: " ok "),
  Golden(
    text: "\u{1F44D}\u{1F3FD}\u{1F3F3}\u{FE0F}",
    ids: [1, 80, 0],
    decoded: ""),
  Golden(
    text: "\u{0}\u{1}\u{7F}",
    ids: [1, 80, 0],
    decoded: ""),
  Golden(
    text: "\u{A0}\u{2003}\u{3000}x",
    ids: [1, 80, 0, 76],
    decoded: "x"),
  Golden(
    text: "zero\u{200B}width\u{FEFF}",
    ids: [1, 80, 78, 91, 67, 0, 75, 121, 83, 0],
    decoded: "zerowidth"),
  Golden(
    text: "Привет, мир",
    ids: [1, 80, 0, 94, 0],
    decoded: ", "),
  Golden(
    text: "\u{627}\u{644}\u{639}\u{631}\u{628}\u{64A}\u{629} 123",
    ids: [1, 80, 0, 80, 12, 13, 14],
    decoded: " 123"),
  Golden(
    text: "def f(x):\n\treturn x**2  # ok",
    ids: [1, 80, 781, 511, 58, 0, 76, 0, 21, 3, 0, 123, 620, 754, 76, 0, 13, 80, 80, 0, 80, 171],
    decoded: "def fx:\nreturn x2   ok"),
  Golden(
    text: "a<s>b </s> <s> c",
    ids: [1, 85, 23, 71, 24, 1927, 23, 0, 71, 24, 80, 23, 71, 24, 80, 55],
    decoded: "a<s>b <s> <s> c"),
  Golden(
    text: "x<|endoftext|> y <|im_start|>z",
    ids: [1, 80, 76, 208, 183, 187, 72, 375, 72, 210, 80, 87, 208, 110, 52, 166, 210, 78],
    decoded: "x<|endoftext|> y <|im_start|>z"),
  Golden(
    text: "<|start_story|><|end_story|>",
    ids: [1, 1, 208, 183, 209, 210],
    decoded: "<|end_story|>"),
  Golden(
    text: "\u{2581}\u{2581}x\u{2581}",
    ids: [1, 80, 80, 80, 1841],
    decoded: "  x "),
  Golden(
    text: "Ġthe Ċ",
    ids: [1, 80, 0, 93, 0],
    decoded: "the "),
  Golden(
    text: "<0x0A> <unk>",
    ids: [1, 80, 23, 11, 76, 11, 26, 24, 0],
    decoded: "<0x0A>"),
  Golden(
    text: "^^^^^^^^^^",
    ids: [1, 80, 0],
    decoded: ""),
  Golden(
    text: "         x",
    ids: [1, 80, 80, 80, 80, 80, 80, 80, 80, 80, 80, 76],
    decoded: "         x"),
  Golden(
    text: "\u{FFFD}\u{FFFE}",
    ids: [1, 80, 0],
    decoded: ""),
  Golden(
    text: "\u{2019}s ſ 'ſ",
    ids: [1, 80, 0, 89, 0, 80, 7, 0],
    decoded: "s  '"),
  Golden(
    text: "https://a.b/c?d=e&f=1",
    ids: [1, 141, 420, 68, 71, 21, 0, 53, 10, 54, 0, 55, 25, 56, 0, 57, 0, 58, 0, 12],
    decoded: "https:a.bc?def1"),
]

let qwen2Golden: [Golden] = [
  Golden(
    text: "Hello, world!",
    ids: [9707, 11, 1879, 0],
    decoded: "Hello, world!"),
  Golden(
    text: "  two  spaces ",
    ids: [220, 1378, 220, 12621, 220],
    decoded: "  two  spaces "),
  Golden(
    text: "I'VE don't 'S 'tis we'll",
    ids: [40, 6, 4491, 1513, 944, 364, 50, 364, 83, 285, 582, 3278],
    decoded: "I'VE don't 'S 'tis we'll"),
  Golden(
    text: "\r\n\r\nline\r\n x",
    ids: [871, 1056, 319, 856],
    decoded: "\r\n\r\nline\r\n x"),
  Golden(
    text: "tab\tthen\n\n\nnewlines \n ",
    ids: [6192, 58633, 1406, 931, 7969, 715, 220],
    decoded: "tab\tthen\n\n\nnewlines \n "),
  Golden(
    text: "café and cafe\u{301}",
    ids: [924, 58858, 323, 51950],
    decoded: "café and café"),
  Golden(
    text: "\u{212B}ngström A\u{30A}",
    ids: [144044, 968, 495, 85584, 79252],
    decoded: "Ångström Å"),
  Golden(
    text: "1234567 3.14 \u{663}\u{664} ½",
    ids: [16, 17, 18, 19, 20, 21, 22, 220, 18, 13, 16, 19, 220, 149, 96, 149, 97, 220, 26062],
    decoded: "1234567 3.14 \u{663}\u{664} ½"),
  Golden(
    text: "\u{E2A}\u{E27}\u{E31}\u{E2A}\u{E14}\u{E35}",
    ids: [143126, 23271, 125136, 28319],
    decoded: "\u{E2A}\u{E27}\u{E31}\u{E2A}\u{E14}\u{E35}"),
  Golden(
    text: "\u{928}\u{92E}\u{938}\u{94D}\u{924}\u{947} \u{915}\u{94D}\u{937}\u{93F}",
    ids: [60096, 87244, 78368, 30484, 97, 34370, 47809, 30484, 115, 38851],
    decoded: "\u{928}\u{92E}\u{938}\u{94D}\u{924}\u{947} \u{915}\u{94D}\u{937}\u{93F}"),
  Golden(
    text: "\u{4F60}\u{597D}\u{FF0C}\u{4E16}\u{754C}",
    ids: [108386, 3837, 99489],
    decoded: "\u{4F60}\u{597D}\u{FF0C}\u{4E16}\u{754C}"),
  Golden(
    text: "\u{65E5}\u{672C}\u{8A9E} \u{30C6}\u{30B9}\u{30C8}",
    ids: [101059, 102819, 20711, 228, 70534],
    decoded: "\u{65E5}\u{672C}\u{8A9E} \u{30C6}\u{30B9}\u{30C8}"),
  Golden(
    text: "\u{D55C}\u{AD6D}\u{C5B4} \u{1112}\u{1161}\u{11AB}",
    ids: [23573, 124785, 31079, 61298],
    decoded: "\u{D55C}\u{AD6D}\u{C5B4} \u{D55C}"),
  Golden(
    text: "\u{1F469}\u{200D}\u{1F469}\u{200D}\u{1F467} ok \u{1F1E9}\u{1F1EA}",
    ids: [145233, 378, 235, 145233, 378, 235, 145665, 5394, 11162, 229, 102, 145336],
    decoded: "\u{1F469}\u{200D}\u{1F469}\u{200D}\u{1F467} ok \u{1F1E9}\u{1F1EA}"),
  Golden(
    text: "\u{1F44D}\u{1F3FD}\u{1F3F3}\u{FE0F}",
    ids: [144349, 145375, 147233, 30543],
    decoded: "\u{1F44D}\u{1F3FD}\u{1F3F3}\u{FE0F}"),
  Golden(
    text: "\u{0}\u{1}\u{7F}",
    ids: [188, 189, 221],
    decoded: "\u{0}\u{1}\u{7F}"),
  Golden(
    text: "\u{A0}\u{2003}\u{3000}x",
    ids: [4102, 378, 225, 22441, 87],
    decoded: "\u{A0}\u{2003}\u{3000}x"),
  Golden(
    text: "zero\u{200B}width\u{FEFF}",
    ids: [14154, 15692, 3098, 3225],
    decoded: "zero\u{200B}width\u{FEFF}"),
  Golden(
    text: "Привет, мир",
    ids: [53645, 26991, 8178, 11, 137144],
    decoded: "Привет, мир"),
  Golden(
    text: "\u{627}\u{644}\u{639}\u{631}\u{628}\u{64A}\u{629} 123",
    ids: [31382, 23224, 125600, 220, 16, 17, 18],
    decoded: "\u{627}\u{644}\u{639}\u{631}\u{628}\u{64A}\u{629} 123"),
  Golden(
    text: "def f(x):\n\treturn x**2  # ok",
    ids: [750, 282, 2075, 982, 853, 856, 334, 17, 220, 671, 5394],
    decoded: "def f(x):\n\treturn x**2  # ok"),
  Golden(
    text: "a<s>b </s> <s> c",
    ids: [64, 44047, 51407, 690, 82, 29, 366, 82, 29, 272],
    decoded: "a<s>b </s> <s> c"),
  Golden(
    text: "x<|endoftext|> y <|im_start|>z",
    ids: [87, 151643, 379, 220, 151644, 89],
    decoded: "x y z"),
  Golden(
    text: "<|start_story|><|end_story|>",
    ids: [27, 91, 2468, 66342, 91, 1784, 91, 408, 66342, 91, 29],
    decoded: "<|start_story|><|end_story|>"),
  Golden(
    text: "\u{2581}\u{2581}x\u{2581}",
    ids: [10417, 223, 10417, 223, 87, 10417, 223],
    decoded: "\u{2581}\u{2581}x\u{2581}"),
  Golden(
    text: "Ġthe Ċ",
    ids: [144242, 1782, 9843, 232],
    decoded: "Ġthe Ċ"),
  Golden(
    text: "<0x0A> <unk>",
    ids: [27, 15, 87, 15, 32, 29, 366, 3122, 29],
    decoded: "<0x0A> <unk>"),
  Golden(
    text: "^^^^^^^^^^",
    ids: [61724, 61724, 21876],
    decoded: "^^^^^^^^^^"),
  Golden(
    text: "         x",
    ids: [260, 856],
    decoded: "         x"),
  Golden(
    text: "\u{FFFD}\u{FFFE}",
    ids: [5691, 5564, 122],
    decoded: "\u{FFFD}\u{FFFE}"),
  Golden(
    text: "\u{2019}s ſ 'ſ",
    ids: [748, 25917, 123, 364, 144815],
    decoded: "\u{2019}s ſ 'ſ"),
  Golden(
    text: "https://a.b/c?d=e&f=1",
    ids: [2428, 1110, 64, 948, 2899, 30, 67, 40391, 5, 69, 28, 16],
    decoded: "https://a.b/c?d=e&f=1"),
]
