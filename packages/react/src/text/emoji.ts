/**
 * The emoji that the picker offers: those that people use in chats, with English words to find them by. Names follow the
 * short names of Unicode CLDR.
 */

export interface EmojiGroup {
  /** An emoji that stands for the group. */
  readonly symbol: string;
  readonly name: string;
  readonly emoji: readonly { readonly symbol: string; readonly name: string }[];
}

const groups: Readonly<Record<string, string>> = {
  'Smileys|😀':
    '😀 grinning face|😃 smiley big eyes|😄 grinning smiling eyes|😁 beaming|😆 laughing squinting|😅 sweat relief|🤣 rolling floor laughing|😂 tears of joy|🙂 slightly smiling|🙃 upside down|😉 winking|😊 smiling blush|😇 halo angel|🥰 hearts love|😍 heart eyes|🤩 star struck|😘 blowing kiss|😋 savoring yum|😛 tongue|😜 winking tongue|🤪 zany|🤗 hugging|🤭 hand over mouth|🤫 shushing quiet|🤔 thinking|🤐 zipper mouth|🤨 raised eyebrow|😐 neutral|😑 expressionless|😶 no mouth|😏 smirking|😒 unamused|🙄 rolling eyes|😬 grimacing|😌 relieved|😔 pensive sad|😪 sleepy|😴 sleeping|😷 mask ill|🤒 thermometer ill|🤕 bandage hurt|🤢 nauseated|🥵 hot|🥶 cold|🥴 woozy|🤯 exploding head mind blown|🤠 cowboy|🥳 party celebrate|😎 sunglasses cool|🤓 nerd|🧐 monocle|😕 confused|😟 worried|🙁 frowning|😮 open mouth wow|😯 hushed|😲 astonished|😳 flushed|🥺 pleading|😦 frowning open|😨 fearful|😰 anxious sweat|😥 sad relieved|😢 crying|😭 loudly crying|😱 screaming|😖 confounded|😞 disappointed|😓 downcast sweat|😩 weary|😫 tired|🥱 yawning|😤 steam triumph|😡 angry red|😠 angry|🤬 swearing|😈 smiling horns|💀 skull dead|💩 poo|🤡 clown|👻 ghost|👽 alien|🤖 robot',
  'People|👋':
    '👋 waving hello bye|🤚 raised back of hand|✋ raised hand stop|👌 ok|🤏 pinching small|✌️ victory peace|🤞 crossed fingers luck|🤟 love you|🤘 horns rock|👈 pointing left|👉 pointing right|👆 pointing up|👇 pointing down|☝️ index up|👍 thumbs up yes|👎 thumbs down no|✊ raised fist|👊 oncoming fist bump|👏 clapping|🙌 raising hands hooray|🫶 heart hands|👐 open hands|🤝 handshake deal|🙏 folded hands thanks please|✍️ writing|💪 biceps strong|🧠 brain|👀 eyes looking|👂 ear listening|🫡 salute|🤷 shrug|🤦 facepalm|🙋 raising hand|💁 tipping hand|🙅 gesturing no|🙆 gesturing ok|🏃 running|🚶 walking|💃 dancing|🕺 dancing man|👨‍💻 technologist|👩‍💻 technologist woman|🧑‍🎨 artist|🧑‍🚀 astronaut',
  'Hearts|❤️':
    '❤️ red heart love|🧡 orange heart|💛 yellow heart|💚 green heart|💙 blue heart|💜 purple heart|🖤 black heart|🤍 white heart|💔 broken heart|💕 two hearts|💖 sparkling heart|💯 hundred points|💥 boom collision|💫 dizzy star|💦 sweat drops|💬 speech|💭 thought',
  'Nature|🌿':
    '🐶 dog|🐱 cat|🐭 mouse|🐰 rabbit|🦊 fox|🐻 bear|🐼 panda|🐨 koala|🐯 tiger|🦁 lion|🐮 cow|🐷 pig|🐸 frog|🐵 monkey|🙈 see no evil|🐔 chicken|🐧 penguin|🐦 bird|🦉 owl|🐺 wolf|🐴 horse|🦄 unicorn|🐝 bee|🦋 butterfly|🐌 snail|🐢 turtle|🐙 octopus|🐬 dolphin|🐳 whale|🌸 blossom|🌹 rose|🌻 sunflower|🌿 herb leaf|🍀 four leaf clover luck|🌳 tree|🌵 cactus|🌍 earth|🌙 moon|⭐ star|🌟 glowing star|✨ sparkles|⚡ lightning|🔥 fire hot|🌈 rainbow|☀️ sun|⛅ cloud sun|🌧️ rain|❄️ snow|🌊 wave sea',
  'Food|🍎':
    '🍎 apple|🍌 banana|🍇 grapes|🍓 strawberry|🍉 watermelon|🍋 lemon|🥑 avocado|🥕 carrot|🌽 corn|🍞 bread|🥐 croissant|🧀 cheese|🍳 egg cooking|🥗 salad|🍔 burger|🍟 fries|🍕 pizza|🌮 taco|🍜 noodles ramen|🍣 sushi|🍦 ice cream|🍩 doughnut|🍪 cookie|🎂 birthday cake|🍰 cake|🍫 chocolate|🍿 popcorn|☕ coffee|🍵 tea|🧃 juice|🍺 beer|🍻 cheers beers|🥂 clinking glasses|🍷 wine|🥤 cup',
  'Things|🎉':
    '🎉 party popper tada|🎊 confetti|🎈 balloon|🎁 gift|🏆 trophy|🥇 first gold medal|⚽ football|🏀 basketball|🎮 game|🎲 dice|🎯 target|🎵 music|🎸 guitar|🎤 microphone|🎧 headphones|🎬 film|📷 camera|📱 phone|💻 laptop|🖥️ desktop|⌨️ keyboard|🔋 battery|💡 idea bulb|🔦 torch|📚 books|📝 memo note|📎 paperclip|📌 pin|📅 calendar|📈 chart up|📉 chart down|📦 package|✉️ envelope mail|🔒 locked|🔑 key|🔨 hammer|🔧 wrench|⚙️ gear|🧪 test tube|💊 pill|🚀 rocket launch|✈️ plane|🚗 car|🚲 bicycle|🚆 train|🏠 home|🏢 office|🏖️ beach|⛰️ mountain|⏰ alarm clock|⏳ hourglass|💰 money|💳 card|🛒 cart',
  'Signs|✅':
    '✅ check mark done|☑️ check box|✔️ check|❌ cross no|❎ cross button|➕ plus|➖ minus|❓ question|❗ exclamation|⚠️ warning|🚫 prohibited|⛔ no entry|🛑 stop|🔴 red circle|🟠 orange circle|🟡 yellow circle|🟢 green circle|🔵 blue circle|⬆️ up|⬇️ down|➡️ right|⬅️ left|🔄 refresh|🔔 bell|🔕 bell off|🆗 ok button|🆕 new|🔝 top|♻️ recycle|🏁 finish flag|🚩 flag',
};

/** The emoji that the picker offers, by group. */
export const emojiGroups: readonly EmojiGroup[] = Object.entries(groups).map(([title, list]) => {
  const [name = '', symbol = ''] = title.split('|');
  const emoji = list.split('|').map((entry) => {
    const space = entry.indexOf(' ');
    return { symbol: entry.slice(0, space), name: entry.slice(space + 1) };
  });
  return { name, symbol, emoji };
});

/** What a click away reacts with. */
export const quickReactions = ['👍', '❤️', '😂', '🎉', '😮', '🙏'] as const;
