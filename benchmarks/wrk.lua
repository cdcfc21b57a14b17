-- Sends the requests of a file in turn, and counts the answers that are not right.
-- wrk ... -s wrk.lua URL -- FILE TEXT
-- FILE has each request as its length, a line feed, and its bytes. An answer is right when its status is 200 and
-- its body has TEXT. The figures are printed as one line of JSON.

local requests, number, text = {}, 0, nil
local threads = {}

function setup(thread)
    threads[#threads + 1] = thread
end

function init(args)
    local file = assert(io.open(args[1], "rb"))
    text = args[2]
    wrong = 0
    for length in file:lines() do
        requests[#requests + 1] = file:read(tonumber(length))
    end
    file:close()
end

function request()
    number = number % #requests + 1
    return requests[number]
end

function response(status, headers, body)
    if status ~= 200 or not body:find(text, 1, true) then
        wrong = wrong + 1
    end
end

function done(summary, latency)
    local lost, bad = summary.errors, 0
    for _, thread in ipairs(threads) do
        bad = bad + thread:get("wrong")
    end
    print(string.format(
        '{"answers":%d,"seconds":%.6f,"wrong":%d,"lost":%d,"p50":%.3f,"p99":%.3f}',
        summary.requests, summary.duration / 1e6, bad,
        lost.connect + lost.read + lost.write + lost.timeout,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3
    ))
end
