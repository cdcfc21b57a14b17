// The cloud's part of the customer's chat: counts how often it was run.
window.runsOfChat = (window.runsOfChat || 0) + 1;
