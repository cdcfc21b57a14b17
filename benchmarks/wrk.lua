-- Sends the requests of a file in turn, and counts the responses that are not right.
-- wrk ... -s wrk.lua URL -- FILE FIRST
-- FILE has each request as a line `LENGTH TEXT` and its bytes; the number in its X-Request-ID is its place in FILE. A
-- response is right when its status is 200 and its body has the TEXT of its request. A server that returns the id is
-- checked request by request. Of another one the responses with each TEXT are compared with the requests that were
-- sent for it. FIRST is the number of requests to skip. The figures are printed as one line of JSON.

local requests, texts, number = {}, {}, 0
local threads = {}

function setup(thread)
    thread:set("place", #threads)
    threads[#threads + 1] = thread
end

function init(args)
    local file = assert(io.open(args[1], "rb"))
    wrong, matched, sent, answered = 0, 0, {}, {}
    for line in file:lines() do
        local length, text = line:match("^(%d+) (.+)$")
        requests[#requests + 1] = file:read(tonumber(length))
        texts[#texts + 1] = text
        sent[text], answered[text] = 0, 0
    end
    file:close()
    usual = texts[1]
    -- Each thread has a separate part of the file before it.
    number = tonumber(args[2]) + place * math.floor(#requests / 2)
end

function request()
    number = number % #requests + 1
    local text = texts[number]
    sent[text] = sent[text] + 1
    return requests[number]
end

local function is_right(id, body)
    if id then
        local text = texts[tonumber(id)]
        if text and body:find(text, 1, true) then
            matched = matched + 1
            answered[text] = answered[text] + 1
            return true
        end
        return false
    end
    for text in pairs(answered) do
        if body:find(text, 1, true) then
            answered[text] = answered[text] + 1
            return true
        end
    end
    return false
end

function response(status, headers, body)
    if status ~= 200 or not is_right(headers["X-Request-ID"] or headers["x-request-id"], body) then
        wrong = wrong + 1
    end
end

local function sum(name)
    local whole = {}
    for _, thread in ipairs(threads) do
        for text, count in pairs(thread:get(name)) do
            whole[text] = (whole[text] or 0) + count
        end
    end
    return whole
end

-- Responses of a kind beyond the requests of that kind: each was given to a request of another.
local function mixed_up(sent_of, answered_of)
    local bad = 0
    for text, count in pairs(sent_of) do
        bad = bad + math.max(0, answered_of[text] - count)
    end
    return bad
end

function done(summary, latency)
    local lost, bad, checked = summary.errors, 0, 0
    for _, thread in ipairs(threads) do
        bad = bad + thread:get("wrong")
        checked = checked + thread:get("matched")
    end
    local answered_of = sum("answered")
    if checked == 0 then
        bad = bad + mixed_up(sum("sent"), answered_of)
    end
    local refused = 0
    for text, count in pairs(answered_of) do
        if text ~= threads[1]:get("usual") then
            refused = refused + count
        end
    end
    print(string.format(
        '{"answers":%d,"seconds":%.6f,"wrong":%d,"refused":%d,"lost":%d,"p50":%.3f,"p99":%.3f}',
        summary.requests, summary.duration / 1e6, bad, refused,
        lost.connect + lost.read + lost.write + lost.timeout,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3
    ))
end
