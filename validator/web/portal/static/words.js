// What the pages say while they work, and when something goes wrong, in English and Chinese.

const STEPS = {
  session: {
    en: ["Looking up who is logged in", "Logged in: {about}", "Nobody is logged in"],
    zh: ["正在查询登录状态", "已登录：{about}", "尚未登录"],
  },
  token: {
    en: ["Asking for a token", "Token issued for {about}", "No token was issued"],
    zh: ["正在获取令牌", "已为 {about} 签发令牌", "未能签发令牌"],
  },
  guest: {
    en: ["Asking for a guest id", "Guest id: {about}", "No guest id was given"],
    zh: ["正在获取游客编号", "游客编号：{about}", "未能获取游客编号"],
  },
  signature: {
    en: ["Having the guest signed in", "Signed on the server", "Not signed"],
    zh: ["正在为游客签名", "服务器已签名", "未能签名"],
  },
  script: {
    en: ["The cloud is checking", "The cloud accepted, and sent its script", "The cloud did not send its script"],
    zh: ["云端正在校验", "云端校验通过，已返回脚本", "云端没有返回脚本"],
  },
  run: {
    en: ["Running the script", "The script has run", "The script did not run"],
    zh: ["正在运行脚本", "脚本已运行", "脚本未能运行"],
  },
  frame: {
    en: ["Waiting for the agent bar", "The agent bar has loaded", "The agent bar has not loaded"],
    zh: ["正在等待接续条", "接续条已加载", "接续条未能加载"],
  },
  events: {
    en: ["Getting in touch with the agent bar", "The agent bar will tell of its events", "No events will come in"],
    zh: ["正在与接续条建立联系", "接续条将报告事件", "无法接收事件"],
  },
  centre: {
    en: ["Loading the other centre’s script", "The other centre’s script has loaded", "The other centre’s script did not load"],
    zh: ["正在加载呼叫中心的脚本", "呼叫中心的脚本已加载", "呼叫中心的脚本未能加载"],
  },
  chat: {
    en: ["Starting the chat", "The cloud accepted; the chat is ready", "The chat has not started"],
    zh: ["正在启动聊天", "云端校验通过，聊天已就绪", "聊天未能启动"],
  },
};

const TROUBLES = {
  bar_missing: {
    en: "The agent bar did not load in its frame. Reload the page; if that does not help, /service-cloud/ does not lead to the cloud, or something on this page blocks frames.",
    zh: "接续条未能在其框架中加载。请刷新页面；若仍无效，则 /service-cloud/ 没有通到云端，或本页面上有什么阻止了框架。",
  },
  callee_refused: {
    en: "This number may not be called, or the other centre refused the call. Your administrator finds the numbers in calls.allowed_prefixes.",
    zh: "不允许呼叫此号码，或呼叫中心拒绝了呼叫。管理员可检查 calls.allowed_prefixes 中的号码。",
  },
  call_missing: {
    en: "This page was opened without a call. The cloud opens it with the parameters of a call. A number can be looked up below.",
    zh: "本页面打开时没有带通话参数。云端在来电时会带参数打开本页面。也可以在下方查询号码。",
  },
  call_of_another: {
    en: "This call is one of the agent {words}, who is none of yours. Log in as the person who has the call.",
    zh: "此通话属于座席 {words}，不是您的座席账号。请以接听该通话的人员身份登录。",
  },
  call_unproven: {
    en: "Another page than the cloud's opened this one. If you expect the call, look its number up below.",
    zh: "本页面不是由云端页面打开的。如果确有此来电，请在下方查询其号码。",
  },
  call_unreadable: {
    en: "The parameters of the call cannot be read: one is there twice, too long, or not UTF-8. The parameters of the screen pop are set at the cloud.",
    zh: "无法读取通话参数：有参数重复、过长或不是 UTF-8 编码。弹屏参数在云端设置。",
  },
  callback_refused: {
    en: "The cloud asked this enterprise, and the answer was no: “{words}”. Reload the page for a new token. If it stays so, your administrator finds the reason in the audit trail.",
    zh: "云端向本企业求证，得到了否定的回答：“{words}”。请刷新页面以获取新的令牌。若仍然如此，管理员可在审计日志中查到原因。",
  },
  centre_failed: {
    en: "The other centre’s script reports: {words}",
    zh: "呼叫中心的脚本报告：{words}",
  },
  centre_not_busy: {
    en: "The other centre did not make you busy, so that no call went out. Try again.",
    zh: "呼叫中心未能将您置忙，因此没有外呼。请重试。",
  },
  centre_offline: {
    en: "There is no connection to the other centre. The page connects again by itself.",
    zh: "未连接到呼叫中心。页面会自动重新连接。",
  },
  centre_refused: {
    en: "The other centre refused your user or its password. Your administrator can link it again.",
    zh: "呼叫中心拒绝了您的用户或其密码，请联系管理员重新关联。",
  },
  centre_script_missing: {
    en: "The other centre’s script ctibar.js did not load. Reload the page; if that does not help, ctibar.script_url is not where the script is.",
    zh: "呼叫中心的脚本 ctibar.js 未能加载。请刷新；若仍无效，请检查 ctibar.script_url。",
  },
  centre_signed_out: {
    en: "Sign in at the bar first.",
    zh: "请先签入电话条。",
  },
  centre_unavailable: {
    en: "The other centre does not answer just now. Try again in a moment.",
    zh: "呼叫中心暂时没有应答，请稍后再试。",
  },
  centre_unlinked: {
    en: "No user of the other centre is linked to your account. Your administrator can link one.",
    zh: "您的账号尚未关联呼叫中心的用户，请联系管理员进行关联。",
  },
  centre_unseen: {
    en: "This call could not be noted here (HTTP {status}): if its record is missing later, nobody is warned.",
    zh: "未能在此登记本次通话（HTTP {status}）：若其话单日后缺失，将不会有提醒。",
  },
  cloud_failed: {
    en: "The cloud answered with an error (HTTP {status}). Try again later.",
    zh: "云端返回了错误（HTTP {status}）。请稍后再试。",
  },
  cloud_missing: {
    en: "The cloud’s script is not there (HTTP {status}). The reverse proxy has no /service-cloud/, or the prefix in front of it is another one.",
    zh: "找不到云端的脚本（HTTP {status}）。反向代理没有 /service-cloud/，或其前缀不同。",
  },
  cloud_unreachable: {
    en: "The reverse proxy does not reach the cloud (HTTP {status}). Try again later; your administrator should look at the proxy’s log.",
    zh: "反向代理无法连接云端（HTTP {status}）。请稍后再试；管理员应查看反向代理的日志。",
  },
  content_blocked: {
    en: "This page’s Content-Security-Policy blocked something that the cloud’s script wanted: {blocked}. It may look or work otherwise than it should.",
    zh: "本页面的 Content-Security-Policy 阻止了云端脚本所需的内容：{blocked}。其外观或功能可能不正常。",
  },
  cookies_blocked: {
    en: "The cloud did not get its cookie back (401): the browser blocks third-party cookies. Load the cloud through /service-cloud/ of this very site, or allow its cookies, also in private windows.",
    zh: "云端没有收到它的 Cookie（401）：浏览器阻止了第三方 Cookie。请通过本站点自己的 /service-cloud/ 加载云端，或允许其 Cookie（无痕窗口中也要允许）。",
  },
  code_refused: {
    en: "The login came too late, or was used already. Click “Log in” once more.",
    zh: "登录已超时，或已被使用。请再次点击“登录”。",
  },
  enterprise_missing: {
    en: "This enterprise’s server is not there (HTTP {status}): the reverse proxy does not pass this route on.",
    zh: "找不到本企业的服务（HTTP {status}）：反向代理没有转发这个路由。",
  },
  form_refused: {
    en: "A page of another address than the cloud’s sent the call. Your administrator finds the addresses in pop.cloud_origins.",
    zh: "通话参数来自云端以外的页面。管理员可检查 pop.cloud_origins 中的地址。",
  },
  framed_elsewhere: {
    en: "This page is in a frame of {words}, which is not the cloud’s address. Do not enter anything here, and tell your administrator.",
    zh: "本页面位于 {words} 的框架中，该地址不是云端的地址。请勿在此输入任何内容，并告知管理员。",
  },
  insecure_page: {
    en: "This page must be opened with https://. Without it there are no cookies for the cloud, and no telephone in the browser.",
    zh: "必须通过 https:// 打开本页面，否则云端的 Cookie 和浏览器电话都不可用。",
  },
  login_refused: {
    en: "Account or password is wrong. After several wrong passwords the account is blocked for a while; then the right one is refused, too.",
    zh: "账号或密码错误。多次输错后账号会被锁定一段时间，期间正确的密码也会被拒绝。",
  },
  mixed_content: {
    en: "This page came over https://, but something in it is wanted over http://, which the browser blocks: {blocked}",
    zh: "本页面通过 https:// 打开，其中却有内容要通过 http:// 加载，已被浏览器阻止：{blocked}",
  },
  network: {
    en: "There was no answer. Either the network is down, or a browser extension or a firewall blocks the request.",
    zh: "没有收到回应。可能是网络中断，也可能是浏览器插件或防火墙阻止了请求。",
  },
  no_identity: {
    en: "No account at the cloud is linked to your account here. Your administrator can link one.",
    zh: "您的账号尚未关联云端账号，请联系管理员进行关联。",
  },
  no_origin: {
    en: "The cloud refused and gives no reason (“null”). Mostly a browser extension takes the Origin header away: try a window without extensions. Otherwise the cloud does not reach this enterprise’s callback, or does not know this agent, channel or signature.",
    zh: "云端拒绝了请求且没有给出原因（“null”）。多半是浏览器插件去掉了 Origin 标头：请在没有插件的窗口中重试。否则就是云端无法访问本企业的回调，或不认识该座席、渠道或签名。",
  },
  not_allowed: {
    en: "This is not allowed. Your account may have no identity for it, or this page’s address is not one of the channel’s.",
    zh: "不允许此操作。您的账号可能没有相应的身份，或本页面的地址不在该渠道的允许范围内。",
  },
  not_a_script: {
    en: "Instead of the cloud’s script a web page came. The reverse proxy leads /service-cloud/ elsewhere, or wants a login of its own.",
    zh: "返回的是网页而不是云端的脚本。反向代理把 /service-cloud/ 指向了别处，或要求另行登录。",
  },
  number_missing: {
    en: "The cloud did not say which number the customer has. A number can be looked up below.",
    zh: "云端没有给出客户的号码。可以在下方查询号码。",
  },
  number_wrong: {
    en: "That is no telephone number: 1 to 32 digits, * or #, with + in front if need be.",
    zh: "号码不正确：应为 1 到 32 位数字、* 或 #，前面可加 +。",
  },
  opener_missing: {
    en: "This window cannot reach the page in the cloud’s frame: the cloud keeps windows apart (Cross-Origin-Opener-Policy), or the page is gone. Log in here and use the separate page.",
    zh: "本窗口无法联系云端框架中的页面：云端隔离了窗口（Cross-Origin-Opener-Policy），或该页面已关闭。请在此登录，并使用单独的页面。",
  },
  origin_unknown: {
    en: "The cloud opened this page with the origin {words}, which is not in pop.cloud_origins. Calls from this page may not get there.",
    zh: "云端打开本页面时给出的来源是 {words}，它不在 pop.cloud_origins 中。从本页面发起的呼叫可能无法送达。",
  },
  page_refused: {
    en: "The door to the cloud refuses this page (403): its address is not among the allowed origins.",
    zh: "通往云端的入口拒绝了本页面（403）：其地址不在允许的来源之列。",
  },
  request_refused: {
    en: "The server did not understand the request (HTTP {status}). Reload the page.",
    zh: "服务器无法理解该请求（HTTP {status}）。请刷新页面。",
  },
  script_blocked: {
    en: "This page’s Content-Security-Policy did not let a script of the cloud run: {blocked}",
    zh: "本页面的 Content-Security-Policy 阻止了云端脚本运行：{blocked}",
  },
  script_failed: {
    en: "The cloud’s script stopped with an error: {words}",
    zh: "云端的脚本出错并停止：{words}",
  },
  session_ended: {
    en: "You are not logged in, or your session has ended.",
    zh: "您尚未登录，或会话已结束。",
  },
  session_replaced: {
    en: "Another login as the same agent ended this one. If that was not you, change your password and tell your administrator.",
    zh: "同一座席的另一次登录结束了本次登录。如果不是您本人操作，请修改密码并告知管理员。",
  },
  softphone_gone: {
    en: "No password of this softphone is stored any more. Reload the page.",
    zh: "该软电话的密码已不再保存。请刷新页面。",
  },
  support_missing: {
    en: "The cloud’s script AICCSupport.js did not load, so that this page hears of no further call. Reload it; if that does not help, pop.script_origin is not where the script is.",
    zh: "云端脚本 AICCSupport.js 未能加载，本页面收不到后续通话。请刷新；若仍无效，请检查 pop.script_origin。",
  },
  throttled: {
    en: "Too many requests. Try again in {seconds} s.",
    zh: "请求过于频繁，请在 {seconds} 秒后重试。",
  },
  unavailable: {
    en: "The server cannot answer just now (HTTP {status}). Try again in a moment.",
    zh: "服务器暂时无法回应（HTTP {status}）。请稍后再试。",
  },
  unforeseen: {
    en: "Something unforeseen went wrong: {words}",
    zh: "出现了意外错误：{words}",
  },
  window_blocked: {
    en: "The browser opened no window for the login, or keeps it apart from this page. Use this link; if its window cannot reach this page, use the separate page.",
    zh: "浏览器没有打开登录窗口，或将其与本页面隔离。请使用此链接；若其窗口无法联系本页面，请使用单独的页面。",
  },
};

const OTHERS = {
  call_direction: { en: "Direction", zh: "方向" },
  call_media: { en: "Media", zh: "媒体" },
  call_queue: { en: "Queue", zh: "队列" },
  call_state: { en: "State", zh: "状态" },
  call_workNo: { en: "Work number", zh: "工号" },
  direction_in: { en: "from the customer", zh: "呼入" },
  direction_out: { en: "to the customer", zh: "呼出" },
  media_text: { en: "text", zh: "文字" },
  media_video: { en: "video", zh: "视频" },
  media_voice: { en: "voice", zh: "语音" },
  standalone: { en: "Open the separate page", zh: "打开单独的页面" },
  state_init: { en: "ready", zh: "就绪" },
  state_ivrreturn: { en: "back from the IVR", zh: "已从 IVR 返回" },
  state_release: { en: "ended", zh: "已结束" },
  state_ringing: { en: "ringing", zh: "振铃" },
  state_switch: { en: "chosen", zh: "已切换" },
  state_talking: { en: "talking", zh: "通话中" },
  log_in: { en: "Log in", zh: "登录" },
  request_id: { en: "Request id for your administrator:", zh: "请将请求编号告知管理员：" },
  verification_none: { en: "No verification of this call.", zh: "本次呼叫没有身份验证。" },
  verification_passed: { en: "Verified ({about})", zh: "验证通过（{about}）" },
  verification_wrong: { en: "Not verified: the answer was wrong ({about})", zh: "验证未通过：回答错误（{about}）" },
  verification_blocked: {
    en: "Not verified: today’s attempts are used up ({about})",
    zh: "验证未通过：今天的尝试次数已用完（{about}）",
  },
  verification_unavailable: { en: "Could not be verified ({about})", zh: "无法验证（{about}）" },
  verification_weak: {
    en: "Of your last two minutes, maybe of the call before: ask the customer again.",
    zh: "这是您最近两分钟内的验证，可能属于上一通呼叫：请再次核实客户。",
  },
  verification_look: { en: "Look up the verification", zh: "查询验证结果" },
  verification_reset: { en: "Let the customer try again", zh: "允许客户重试" },
  verification_reset_elsewhere: {
    en: "On the agent page, outside of the cloud's frame, you can let the customer try again.",
    zh: "在云端框架之外的座席页面上，您可以让客户重试。",
  },
  verification_was_reset: { en: "The customer may try again.", zh: "客户可以重试。" },
  other_login_there: {
    en: "This agent is also logged in elsewhere, since {about}. If that is not you, change your password.",
    zh: "该座席自 {about} 起还在别处登录。如果不是您本人，请修改密码。",
  },
  other_login_ended: {
    en: "This agent was also logged in elsewhere, since {about}. That login has been ended.",
    zh: "该座席自 {about} 起曾在别处登录，那次登录已被结束。",
  },
  softphone_stored: { en: "The cloud's list has a password for it.", zh: "云端列表中有其密码。" },
  softphone_not_kept: {
    en: "Softphone passwords are not kept here. Ask your administrator for yours, or to set cloud.keep_sip_passwords and run “validator agents sync”.",
    zh: "此处不保存软电话密码。请向管理员索取密码，或请其设置 cloud.keep_sip_passwords 并运行“validator agents sync”。",
  },
  softphone_missing: {
    en: "The cloud listed no password for it. Your administrator can reset it at the cloud, and then run “validator agents sync”.",
    zh: "云端列表中没有其密码。管理员可在云端重置密码，然后运行“validator agents sync”。",
  },
  softphone_not_listed: {
    en: "The cloud's last list has no such agent. Your administrator can run “validator agents sync”.",
    zh: "云端最近的列表中没有该座席。管理员可运行“validator agents sync”。",
  },
  softphone_shown: { en: "The password is shown for {about} seconds.", zh: "密码将显示 {about} 秒。" },
  softphone_hidden: { en: "The password is hidden again.", zh: "密码已重新隐藏。" },
  centre_connecting: { en: "Connecting …", zh: "正在连接……" },
  centre_connected: { en: "Connected: sign in", zh: "已连接，请签入" },
  centre_retry: { en: "No connection. Next attempt in {about} s.", zh: "连接已断开，{about} 秒后重试。" },
  centre_signed_in: { en: "Signed in", zh: "已签入" },
  centre_signed_off: { en: "Signed out", zh: "已签出" },
  centre_ready: { en: "Ready", zh: "空闲" },
  centre_busy: { en: "Busy", zh: "忙碌" },
  centre_rest: { en: "Resting", zh: "小休" },
  centre_ringing: { en: "Ringing", zh: "振铃中" },
  centre_calling: { en: "Calling out", zh: "外呼中" },
  centre_talking: { en: "Talking", zh: "通话中" },
  centre_ended: { en: "The call has ended", zh: "通话已结束" },
  centre_INBOUND: { en: "from the customer", zh: "呼入" },
  centre_OUTBOUND: { en: "to the customer", zh: "呼出" },
  centre_INTERNAL: { en: "from within", zh: "内部呼叫" },
  centre_internal: { en: "A call from within: no customer is looked up.", zh: "内部呼叫，不查询客户。" },
  centre_requested: { en: "Requested: {about}", zh: "已请求：{about}" },
  calling: { en: "Call handed to the bar: {about}", zh: "已将呼叫交给接续条：{about}" },
  card_looking: { en: "Looking the customer up …", zh: "正在查询客户……" },
  card_none: { en: "No customer has this number.", zh: "没有客户使用此号码。" },
  card_several: { en: "{about} customers have this number. Ask which of them it is.", zh: "有 {about} 位客户使用此号码，请询问是哪一位。" },
  card_more: { en: "More customers than these have this number.", zh: "使用此号码的客户不止以上几位。" },
  card_withheld: { en: "The call shows no whole number.", zh: "此通话没有完整的号码。" },
  card_place: { en: "Customer {about}", zh: "客户 {about}" },
  card_show: { en: "Show", zh: "显示" },
  card_show_of: { en: "Show the whole value: {about}", zh: "显示完整内容：{about}" },
  card_changed: { en: "The customer has changed meanwhile. Look the number up again.", zh: "客户资料已变更，请重新查询此号码。" },
  card_again: { en: "Look up again", zh: "重新查询" },
  card_link: { en: "Open in the CRM", zh: "在 CRM 中打开" },
  card_call: { en: "Call this number", zh: "呼叫此号码" },
  card_question: { en: "Call {about}?", zh: "要呼叫 {about} 吗？" },
  card_yes: { en: "Call", zh: "呼叫" },
  card_no: { en: "Do not call", zh: "不呼叫" },
};

const STATES = ["begun", "done", "failed"];

/** Return the keys that have words; every trouble's is among them. */
export const KEYS = Object.freeze({
  steps: Object.keys(STEPS),
  troubles: Object.keys(TROUBLES),
  others: Object.keys(OTHERS),
});

/** Return the words for a step that has begun, is done or has failed. */
export function stepWords(language, name, state, about = "") {
  return filled(STEPS[name][primary(language)][STATES.indexOf(state)], { about });
}

/** Return the sentence for a Trouble, its facts put in; of any other error what it says itself. */
export function troubleWords(language, error) {
  const isKnown = Object.hasOwn(TROUBLES, error.key ?? "");
  const facts = isKnown ? error.facts : { words: error.message };
  return filled(TROUBLES[isKnown ? error.key : "unforeseen"][primary(language)], facts);
}

/** Return other words. */
export function words(language, key, facts = {}) {
  return filled(OTHERS[key][primary(language)], facts);
}

function primary(language) {
  return language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/** Put *facts* into *text*; one that is not known is a dash. */
function filled(text, facts) {
  return text.replace(/\{(\w+)\}/g, (_, name) => String(facts[name] ?? "–"));
}
