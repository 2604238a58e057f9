// Gives each file named on the command line to the AsyncAPI parser; prints what it finds wrong, one line each.
import { readFile } from 'node:fs/promises'
import { Parser } from '@asyncapi/parser'

const parser = new Parser()
let faults = 0
for (const path of process.argv.slice(2)) {
  const diagnostics = await parser.validate(await readFile(path, 'utf8'))
  // 0 is an error, 1 a warning; what is below is advice.
  for (const { severity, code, message, path: where } of diagnostics) {
    if (severity > 1) continue
    faults += 1
    console.log(`${path}: ${where.join('.')}: ${code}: ${message}`)
  }
}
process.exitCode = faults ? 1 : 0
