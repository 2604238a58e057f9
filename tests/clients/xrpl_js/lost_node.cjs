// Stays subscribed with xrpl.js while its session is ended, and says as JSON lines what the library makes of that.
//
//     NODE_PATH=…/node_modules node lost_node.cjs API_VERSION WEBSOCKET_URL
//
// It subscribes whenever it is connected, as the library's documentation has it. On "connect" or "disconnect" in a
// line, it calls that.
'use strict'
const readline = require('node:readline')
const { Client } = require('xrpl')

const say = (word, value) => console.log(JSON.stringify({ [word]: value }))

const client = new Client(process.argv[3])
client.on('connected', async () => {
  const { result } = await client.request({ command: 'subscribe', streams: ['ledger', 'transactions'] })
  say('subscribed', result.ledger_index)
})
client.on('transaction', (message) => {
  if (message.validated) say('transaction', Object.keys(message).sort())
})
client.on('ledgerClosed', (message) => say('ledger', message.ledger_index))
client.on('disconnected', (code) => say('disconnected', code))
client.on('error', (...problem) => say('error', problem.slice(0, 2)))
readline.createInterface({ input: process.stdin }).on('line', (word) => {
  if (word === 'disconnect') process.stdin.destroy() // so that nothing but the library keeps this process alive
  client[word]()
})
client.connect()
