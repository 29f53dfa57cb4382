// Loaded into a watched trader before the program: tells memory and event-loop delay when asked, and the first order.
"use strict"
const { subscribe } = require("node:diagnostics_channel")
const { monitorEventLoopDelay, performance } = require("node:perf_hooks")

const RESOLUTION_MS = 10
const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
histogram.enable()

let ordered = false
subscribe("http.client.request.start", ({ request }) => {
  if (ordered || request.path !== "/0/private/AddOrder") return
  ordered = true
  const { system, user } = process.cpuUsage()
  const value = {
    atMs: performance.now(),
    waitedMs: performance.nodeTiming.idleTime,
    processorMs: (system + user) / 1000
  }
  process.send({ kind: "order", value })
})

// the histogram counts the timer's whole interval
const late = (nanos) => Math.max(0, nanos / 1e6 - RESOLUTION_MS)

process.on("message", () => {
  const value = {
    originMs: performance.timeOrigin,
    memory: process.memoryUsage(),
    delay: { p50: late(histogram.percentile(50)), p99: late(histogram.percentile(99)), max: late(histogram.max) }
  }
  histogram.reset()
  process.send({ kind: "report", value })
})
// asking must not keep a process alive that wants to end
process.channel.unref()
process.on("disconnect", () => undefined)
