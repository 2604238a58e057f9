// A payment with today's xrpl.js, signed by the library, and where it is seen afterwards. Writes that as JSON.
'use strict'
const { Client, Wallet } = require('xrpl')

const [url, seed, destination] = process.argv.slice(3)

async function main() {
  const client = new Client(url)
  await client.connect()
  const wallet = Wallet.fromSeed(seed, { algorithm: 'ecdsa-secp256k1' })
  const balance = async (account) => (await client.request({ command: 'account_info', account, ledger_index: 'validated' }))
    .result.account_data.Balance
  const before = [await balance(wallet.address), await balance(destination)]
  await client.request({ command: 'subscribe', streams: ['ledger'], accounts: [destination] })
  const validated = []
  const closed = []
  client.on('transaction', (message) => validated.push(message))
  client.on('ledgerClosed', (message) => closed.push(message.ledger_index))
  const payment = { TransactionType: 'Payment', Account: wallet.address, Destination: destination, Amount: '1500000' }
  const { result } = await client.submitAndWait(payment, { wallet })
  const again = await client.request({ command: 'tx', transaction: result.hash })
  const history = await client.request({ command: 'account_tx', account: destination, limit: 1 })
  const ledger = await client.request({
    command: 'ledger', ledger_index: result.ledger_index, transactions: true, expand: true,
  })
  const after = [await balance(wallet.address), await balance(destination)]
  await client.disconnect()
  const pushed = validated.find(({ hash }) => hash === result.hash)
  const inside = ledger.result.ledger.transactions
  console.log(JSON.stringify({
    before,
    after,
    validated: [result.validated, again.result.validated],
    delivered: result.meta.delivered_amount,
    amount: result.tx_json.DeliverMax,
    fee: result.tx_json.Fee,
    time: result.close_time_iso,
    hashes: [result.hash, again.result.hash, history.result.transactions[0].hash, inside[0].hash, pushed.hash],
    ledgers: [result.ledger_index, history.result.transactions[0].ledger_index, pushed.ledger_index],
    closed: closed.includes(result.ledger_index),
  }))
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
