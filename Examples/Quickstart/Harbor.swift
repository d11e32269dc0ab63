/// Short stories of a small harbor town, to learn from. They were written for this example.
let harborStories = #"""
  THE BELL THAT WOULD NOT RING

  In the town of Tern Bay there was a bell at the end of the stone pier. It was a green old bell, and it
  hung in a small wooden tower. Every morning at six, Mara the harbor master walked down the pier and
  pulled the rope. The bell rang six times, and the town woke up.

  One morning in spring, Mara pulled the rope and nothing happened. She pulled it again. The bell made a
  sound like a spoon falling into soup.

  Because the bell did not ring, nobody woke up. Ida the baker slept late, and so there was no bread. Ned
  the fisherman slept late, and so there was no fish. The children slept late, and so there was no school.
  The children did not mind.

  At nine, Mayor Hugo ran down the street with one shoe on.

  HUGO: Who has stopped the morning?
  MARA: Nobody has stopped it, Mayor. It came without the bell.
  HUGO: A morning without a bell is only a late night. Fix it at once!
  MARA: I pulled the rope. The bell said nothing.
  HUGO: Then pull it harder.
  MARA: I pulled it so hard that I have a new blister. Would you like to see it?
  HUGO: I would not.

  Soon a small crowd stood on the pier. Ned came with his grandson Finn, who was ten and liked to climb.
  Ida came with her daughter Rosa, who was nine and liked to ask questions. Captain Holm came with his
  long glass, because he took his long glass everywhere, even to dinner.

  HOLM: I have seen this before. It was in the far south. A bell stopped, and it was the work of a ghost.
  NED: What did the ghost want?
  HOLM: It wanted to sleep, Ned. It had been dead for a hundred years and it was very tired.
  ROSA: Captain, how did you know that it was tired?
  HOLM: It yawned at me.

  Ned did not believe in ghosts that yawned. He said that the bell was full of rust. Ida said that the
  rope was too old. Mayor Hugo said that it was surely the fault of the last mayor, who had moved to the
  hills and could not answer.

  They all talked for an hour. They talked about rust and rope and ghosts. While they talked, Finn looked
  up at the tower, and the tower looked easy.

  FINN: Grandfather, may I climb up and see?
  NED: No. It is too high.
  FINN: It is not as high as the mast of our boat.
  NED: That is true. But your mother does not know about the mast.

  Ned thought for a while. Then he tied a rope around Finn, and he held the other end with both hands.
  Finn went up the tower like a cat. He put his head inside the bell, and he stayed there for a long time.

  MARA: What do you see?
  FINN: Speak softly, please.
  MARA: Why?
  FINN: There is a family in here.

  Inside the bell, on top of the iron tongue, a small brown bird had made a nest. The nest was made of
  grass and wool and one red thread. There were four eggs in it, blue as the sea in June. The bird looked
  at Finn, and it did not fly away. It had paid for this house with a great deal of work, and it meant to
  stay.

  Finn came down and told them. For a moment nobody spoke.

  HUGO: Well, that is simple. We will move the nest.
  ROSA: If you move the nest, the mother will not come back.
  HUGO: Then we will ask her nicely.
  ROSA: She is a bird, Mayor.
  HUGO: I have asked worse people than birds.

  Mara looked at the bell, and she looked at the town. She was a fair woman. She had kept the harbor for
  twelve years, and she had a rule that she kept in her blue coat with her pencil. The rule was that every
  boat could stay in the harbor until the wind was good.

  MARA: A nest is a kind of boat. It will stay until the eggs are ready to sail.
  HUGO: And who will wake the town?
  MARA: We will take turns.

  So they took turns. On Monday, Ida walked down the street and beat two pans together. On Tuesday, Ned
  sang under the windows, and people woke up very fast and asked him to stop. On Wednesday, Captain Holm
  told the story of the whale and the two kings outside the mayor's door, and the mayor got up only to
  shut the window. On Thursday, Rosa and Finn knocked on every door and ran away. They said later that it
  was the best day of their lives.

  On Friday it was the turn of Mayor Hugo. He did not want to beat pans, and he could not sing. He stood
  in the square in his best hat, and he tried to think of something grand. At last he only called out.

  HUGO: Good morning! It is six! The sky is clear, and I hope that you all slept well!

  People opened their windows. Nobody had ever heard the mayor wish them well before breakfast. Ida waved
  at him. Doctor Lund waved at him. Even Ned's wife, who did not like mayors, gave him a nod. Hugo walked
  home slowly, and he felt warm, and he did not know why.

  In five weeks the eggs opened. In three weeks more the little birds stood on the edge of the bell and
  looked at the water. One by one they jumped. The last one was afraid. It stood there all morning while
  the whole town watched and held its breath. Then it fell, and it opened its wings, and it flew over the
  boats as if it had always known how.

  The next day at six, Mara walked down the pier and pulled the rope. The bell rang six times, clear and
  strong. The town woke up.

  But one window was already open, and a man in a good hat was leaning out of it.

  HUGO: Good morning! The sky is clear!
  MARA: Mayor, the bell is working now. You can stay in bed.
  HUGO: I know. I find that I am awake.

  Mara wrote it in her log book that night. She wrote that four boats had left the harbor with a good
  wind, and that the bell was open again to guests.


  THE DONKEY WHO CARRIED THE MAIL

  Tern Bay had a post office as big as a wardrobe. For thirty years an old man had carried the letters,
  but his knees were bad, and he went to live with his sister. So in May a young woman came over the hill
  road with a new blue bag. Her name was Jun.

  With her came a donkey. The donkey was grey with a white nose, and her name was Pepper.

  On the first morning Mara gave Jun the map of the town. The map was very old. Somebody had spilled tea
  on it, and half of the streets were brown.

  JUN: There are no numbers on the doors.
  MARA: No. Everybody here knows where everybody lives.
  JUN: But I do not.
  MARA: Then you will know soon. It is a small town. If you get lost, walk down. If your feet get wet, you
  have gone too far.

  Jun took out the first letter. It was for the man with the loud goat. The second letter was for the lady
  next to the place where the tree was. The third letter had no name at all. It only said, in big round
  letters, that it was for Grandmother.

  JUN: Where is the place where the tree was?
  NED: It is easy. It is where the tree is not.
  JUN: Ned, there are a great many places where a tree is not.
  NED: Yes, but in only one of them there was one.

  Jun walked all day. She gave the letter for the man with the loud goat to a man with a quiet goat. She
  gave the bill for the doctor to the baker, and Ida paid it, because she thought that it was for flour.
  She gave a love letter to Mayor Hugo. He read it twice before he saw that it was for somebody named
  Lily, and then he read it once more.

  By evening Jun sat on the steps of the post office and put her head in her hands. Pepper stood beside
  her and ate a small piece of the map.

  Rosa came by with a warm roll. She gave half of it to Jun and half of it to Pepper.

  ROSA: Are you sad?
  JUN: I am the worst post carrier in the world. I gave away thirty letters today, and twenty of them were
  wrong.
  ROSA: Then ten were right.
  JUN: Five were right. The other five blew into the sea.
  ROSA: Did you ask Pepper?
  JUN: Pepper is a donkey, Rosa.
  ROSA: My mother says that donkeys remember everything. That is why they look so tired.

  Jun laughed. But that night she lay awake, and she thought about it. Pepper had walked every street that
  day. At some doors there had been a carrot. At some doors there had been a kind hand. At one door there
  had been a boy with a stick, and Pepper would never go near that door again.

  In the morning Jun made a plan. She baked nothing and bought nothing. She only asked every person in the
  town to do one small thing.

  JUN: Please give my donkey something to eat. But give her something that nobody else gives her.

  The people of Tern Bay liked this plan. It was a good deal better than numbers. Ida gave Pepper the end
  of a loaf. Ned gave her a bit of dried weed from the rocks. Doctor Lund gave her an apple, and told her
  to eat one every day. Miss Wren, the teacher, gave her a piece of chalk, and Pepper ate that too.
  Captain Holm gave her a ginger nut and a story. The mayor gave her a sugar lump on a silver plate.

  Then Jun did the clever part. She took every letter and rubbed it a little. The letter for Ida she
  rubbed with bread. The letter for the doctor she rubbed with apple. The letter for the captain she
  rubbed with ginger. She held each letter under the white nose.

  Pepper smelled the first letter. She lifted her ears. Then she walked straight down the street, past two
  corners and a cart, and she stopped at the door of the captain.

  HOLM: A letter for me? On the second day? In the far north I once waited nine years for a letter, and
  when it came it only said hello.
  JUN: Please give her the ginger nut, Captain. Please do it now. She is standing on my foot.

  All that week Pepper carried the mail, and Jun walked behind her and learned. By Saturday there was not
  one wrong letter. By the next Saturday Jun knew the names of all the goats. She even knew where the tree
  had been. It had stood beside the yellow house, and it had been a pear tree, and the lady there still
  talked about the pears.

  Only one letter was left. It was the letter for Grandmother. There was no smell for it, because there
  was no name. Jun put it in the window of the post office, and every grandmother in the town came to look
  at it. There were fourteen of them. Each one said that the round letters looked like the hand of her own
  dear child.

  JUN: What shall I do? They cannot all be right.
  MARA: Open it, and read it in the square. Then they will know.

  So on Sunday all fourteen grandmothers sat on chairs in the square. Jun opened the letter and read it in
  a clear voice.

  JUN: Dear Grandmother, I am well. I have lost a tooth. I think of you when it rains. I will come to see
  you when I am big, and I will bring a present. Please do not be sad. With love from me.

  There was no name at the end. The grandmothers were very quiet. One of them took out a cloth and wiped
  her eyes, and then there were fourteen cloths.

  In the end nobody asked whose letter it was. They kept it in turns, one week for each house. And every
  time it rained in Tern Bay, fourteen old women looked out of fourteen windows and smiled, and each of
  them was sure.

  Pepper got a carrot for it, though she had done nothing. She remembered it for a long time.


  THE DAY OF TOO MUCH BREAD

  Ida the baker made sixty loaves every day. Sixty was the right number. It was enough for all the houses
  and the school, with one loaf left over for the gulls, who came to the back door at noon and were very
  polite about it.

  One evening in June, Ida had to visit her aunt on the far side of the bay. She would come back late in
  the morning. So she wrote a note for Rosa, and she put it under the big yellow bowl.

  The note said what to do. It said how much flour, and how much salt, and how much water. And it said how
  much yeast. But the bowl was wet, and the water ran over the paper, and the small word that was there
  became a large blue spot.

  Rosa found the note at four in the morning. Finn had come to help, because he had never seen four in the
  morning and wanted to know what it looked like.

  FINN: It looks just like night.
  ROSA: It is night with work in it. Read me the note.
  FINN: Flour, two sacks. Salt, one cup. Water, four pails. Yeast, and then there is a blue lake.
  ROSA: How much is that?
  FINN: A lake is quite a lot.

  Rosa looked at the yeast. It was in a brown jar on the high shelf, and it did not look strong. It looked
  like mud. She put in one spoon. Then she thought of sixty loaves, and she put in ten more. Then Finn
  thought that it looked lonely in the jar, and he put in the rest.

  They mixed the dough and covered it with a cloth. They sat down on a flour sack to wait, and because it
  was still night, they fell asleep.

  A soft noise woke Finn. It was like an old dog getting up. He opened his eyes, and he saw the cloth. It
  was as high as his head. It had been as high as his knee.

  FINN: Rosa, how big should it be?
  ROSA: About as big as a pillow.
  FINN: It is about as big as your uncle.

  The dough came over the edge of the tub and down to the floor. It went around the leg of the table. It
  went under the door. They pushed it back with a broom, and it ate the broom. They cut it with a knife,
  and then there were two of it.

  ROSA: Get help!
  FINN: Who helps with bread?
  ROSA: Everybody!

  Finn ran down to the harbor. Ned was on his boat, the Patience, and he was mending a net. Mara was
  counting barrels. Captain Holm was telling a story to a barrel, since Mara had walked on to the next
  one.

  FINN: The bread is coming out of the house!
  HOLM: How fast is it moving?
  FINN: About as fast as my grandmother.
  HOLM: Then we have twenty minutes.

  They all ran up the street. The dough had come out of the front door and it was sitting on the step in
  the sun. The sun was warm. The dough liked it.

  Ned threw his net over it. It was a good net, and it had held big fish and once a very angry seal. The
  dough came through the holes in a hundred small fingers, and it kept on growing.

  NED: I have never caught anything that did not want to get away.

  Mara did not waste words. She stood on a box and called out to the whole street.

  MARA: Every house that has an oven, light it now! Every person who has two hands, come here and take
  some!

  So the people came with pails and pots and hats. Doctor Lund came with a bath. They carried the dough to
  every kitchen in the town, and they put it in every oven. When the ovens were full, they baked it in
  pans, and when the pans were full, they baked it on hot stones down on the beach. Miss Wren let the
  children out of school, and the children rolled the dough into snakes and boats and one fine figure of
  the mayor.

  HUGO: Is my nose like that?
  WREN: It is bread, Mayor. It has gone up a little.
  HUGO: It has gone up a great deal.

  At eleven, Ida came over the water in the small ferry. The wind was from the land, and long before she
  could see the houses, she could smell them. She said to the man at the oar that somebody in Tern Bay was
  baking. Then she said that everybody in Tern Bay was baking. Then she said nothing, and she asked him to
  row faster.

  She came up the street. There was bread on the walls. There was bread on the window sills and on the
  steps of the post office. The gulls sat in a long row on the roof, so full that they could not fly, and
  one of them fell off and did not seem to care.

  Rosa stood at the door with flour in her hair.

  ROSA: Mother, I made the bread.
  IDA: I see that you did.
  ROSA: I did not know how much yeast. The note got wet.
  IDA: It said one spoon.
  FINN: We used the other size.

  Ida looked at the street. She looked at the tired faces and the black pans and the doctor, who was
  washing dough from his bath. Her mouth began to shake. The children thought that she was going to shout.
  But Ida sat down on the step and laughed until she had to hold on to the door.

  That evening they carried all the tables down to the pier. There was bread for everyone, and there was
  fish from Ned, and butter from the farms, and a cheese that Mara had been saving for a sad day.

  IDA: Eat, all of you. Tomorrow I will bake nothing, and the next day I will bake nothing.
  LUND: And the day after that?
  IDA: On that day, Doctor, you will have pudding. It will be bread pudding.

  They ate bread pudding for a week. Then a ship came in with forty hungry men on board, and in one hour
  the last of it was gone. The men said that it was the best bread on the coast. They asked what was in
  it.

  Rosa told them that it was a secret. But on the wall of the bakery, next to the high shelf, there is now
  a small sign in Ida's hand. It says one spoon. It is painted on the wall, so that it cannot get wet.


  NED AND THE FISH THAT GREW

  In July Ned caught a fish. It was a good fish, silver and fat, and it was about as long as his arm. He
  sold it to Doctor Lund, and the doctor had it for supper with a little salt. That should have been the
  end of the fish.

  But the next day Ned sat in front of the net shed with his pipe, and Jun came by with the mail.

  JUN: I hear that you caught a fine fish.
  NED: Oh, it was not bad.
  JUN: How long was it?

  Ned held up his hands to show her. He meant to hold them as far apart as his arm was long. But he was
  holding a rope in one hand, and the rope was heavy, and so that hand dropped a little to the side. It
  made the fish a foot longer. Ned saw it. He could have moved his hand back. He did not.

  JUN: That is a very big fish!
  NED: Well, I have seen smaller.

  Jun carried the mail to forty houses that day, and she carried the fish along with it. At the first
  house it was as long as a table. At the tenth house it was as long as a door. By the time she came to
  the school, the fish had pulled the Patience twice around the bay, and it had a scar over one eye.

  In the evening Captain Holm came to see Ned.

  HOLM: I know that fish, Ned.
  NED: You do?
  HOLM: A scar over the left eye? A tail like a barn door? I met him in the warm sea thirty years ago. He
  took my hat.
  NED: It may have been another fish.
  HOLM: Did he look at you as if he knew something?
  NED: He did look at me.
  HOLM: That was him.

  Ned did not sleep well. He was an honest man, and he had told only one lie, and it was only a foot long.
  But now it was out in the world, and it was eating well.

  The next morning there was a man from the newspaper in the big town. He had a pencil behind each ear. He
  sat on a barrel and he opened a small book.

  He asked if it was true that the fish had a voice. Ned said that it had no voice. The man wrote that the
  fish was silent and proud. He asked where the fish was now. Ned said that the doctor had eaten it. The
  man looked at the doctor, who was walking by, and he wrote that the doctor was the bravest man on the
  coast.

  On Sunday the boats began to come. People came from the big town and from the hills and from the
  islands. They wanted to see the place where the fish had been. They stood on the pier and looked down
  into the water with great care, and they bought all of Ida's bread. Mayor Hugo was so happy that he
  walked in circles.

  HUGO: We must have a day for the fish! We must have a song for the fish! Ned, you will stand on a box
  and tell the people everything!
  NED: Mayor, there is not so much to tell.
  HUGO: Then tell it slowly.

  Ned went home and sat on his bed. Finn came in and sat beside him. For some time they looked at the same
  spot on the floor.

  FINN: Grandfather, I was in the boat.
  NED: Yes. I know that you were.
  FINN: I put the fish in the basket. It was a small basket.
  NED: Yes.
  FINN: Are you going to tell them that it pulled us around the bay?
  NED: What do you think that I should do?
  FINN: I think that it was a good fish. It was good enough the way it was.

  That was all that Finn said. He went out to feed the hens. But Ned sat there and felt as small as a
  shrimp.

  In the afternoon three hundred people stood on the pier. There was a flag. There was a band with two
  horns and a drum. Ned climbed up on the box, and he took off his cap, and it became so quiet that you
  could hear the water under the stones.

  NED: Good people, I am going to show you how big it was.

  He held up his two hands. He held them as far apart as they would go. The people sighed. Then slowly, a
  little at a time, he brought his hands together. He brought them in until they were as far apart as an
  arm is long, and there he stopped.

  NED: It was this big. It was a nice fish. It did not have a scar. It did not pull my boat. I told one
  lie with one hand, because I was proud and the rope was heavy. The rest of it grew by itself. I am sorry
  that you came so far.

  Nobody moved. Mayor Hugo put his hat over his face. The man from the newspaper took the pencil from
  behind his left ear, and then he put it back.

  Then an old woman from the islands began to clap. She said that she had heard about big fish for seventy
  years, and that this was the first time she had ever heard one get smaller. She said that it was worth
  the trip. Soon they were all clapping, and the band played, and the drum was a little late but very
  loud.

  Afterward many people came up to shake Ned's hand. They wanted him to show them again. All the way home
  in their boats they showed each other, out and then in, and they laughed.

  Doctor Lund came last.

  LUND: I ate that fish, Ned, and I know the truth. I have not said a word.
  NED: Thank you, Doctor.
  LUND: It was a bit longer than that.
  NED: Was it?
  LUND: By about an inch.

  Ned looked at his hands for a while. Then he put them in his pockets, where they could not get him into
  trouble, and he went to look after his net.


  THE FOG

  In August a fog came in from the sea. It came without a sound in the middle of the afternoon. First the
  islands were gone, and then the end of the pier was gone, and then Mara could not see her own pencil.

  Otto kept the light on the black rock outside the bay. He was a tall, quiet man who lived with a stove,
  a shelf of books, and a spider. He came to town once a month for oil and onions. People said that Otto
  had not spoken ten words in ten years. It was not true. He spoke to the spider quite often.

  That day four boats were out. By evening three had come home. They had felt their way along the rocks
  with long poles, and the men were wet and pale. The fourth boat was the Patience, and Ned and Finn were
  on it.

  Rosa stood on the pier and looked into the white.

  ROSA: Can they see the light?
  MARA: Not in this. A man could hold the light in his lap and not see it.
  ROSA: Can they hear the bell?
  MARA: I have rung it for an hour. But fog plays tricks. It takes a sound and moves it to another place.

  Out in the white, Ned had stopped rowing. The sail hung like washing. He had heard the bell in front of
  him, and then behind him, and once, he was sure, from below.

  FINN: Are we lost, Grandfather?
  NED: We are not lost. We are in the boat.
  FINN: Where is the boat?
  NED: That is another question.

  They ate the last of the bread. Finn put his hand over the side, and the water was cold and perfectly
  still. He thought of the rocks. There were nine of them outside the bay, and every one had a name, and
  every name was the name of a ship that had found it.

  On the black rock, Otto had lit the lamp at noon. He went up every half hour to clean the glass. But he
  knew well that it was of no use. The light went out from the tower about as far as a man can spit, and
  then it stopped as if it had met a wall.

  OTTO: They cannot see me.

  The spider did not answer.

  OTTO: If they cannot see me, they must hear me. But one sound is not enough. One sound could be
  anywhere.

  He sat on the stair and thought. He thought about the bell on the pier. The bell was one sound. If there
  was a second sound on the rock, and a man in a boat could hear them both, then he would know that the
  safe water was in the middle. But Otto had no bell. He had no horn and no drum. He had a pan, but a pan
  is a small thing against the sea.

  He did have a voice. He had not used it much. It was like a coat that hangs in a dark room for years.

  He went out on the iron walk at the top of the tower. He held the rail. He opened his mouth, and a small
  dry noise came out, like a gate. He tried again. The third time, it was a note. It was low and round,
  and it was so large that Otto looked behind him to see who had made it.

  On the pier, Mara stopped pulling the rope.

  MARA: What in the world is that?
  HOLM: I know that sound. It is the great horned whale of the south.
  ROSA: It is singing about onions.

  It was. Otto knew only one song. His mother had sung it in her kitchen when he was small, and it had
  eleven verses, and they were all about soup.

  Out in the boat, Finn lifted his head.

  FINN: Somebody is singing!
  NED: Where?
  FINN: On that side. Listen. And the bell is on this side.

  Ned listened. He shut his eyes, for they were of no use anyway. The bell was on his left. The song was
  on his right. He turned the boat with one oar until they were just the same, one in each ear. Then he
  began to row, slowly, as a man walks through a dark room where people are sleeping.

  NED: Tell me if the song gets louder.
  FINN: He has put the onions in. Now he is putting in the salt.
  NED: Is it louder?
  FINN: A bit louder.
  NED: Then we will go a little to the left.

  Once Finn saw something black beside them, tall and wet, with weed on it. It was near enough to touch.
  It was the rock called Anna. He did not say anything, and neither did Ned, and it went away behind them
  into the white.

  The bell grew strong. There was a smell of tar and bread. Then a rope fell out of the sky across Ned's
  knees, and on the other end of it was Mara.

  MARA: You are late.
  NED: There was a concert.

  Ned's wife held Finn so hard that he could not breathe. Rosa gave him half a roll. She said that she had
  not been afraid at all, and then she cried for a quarter of an hour.

  On the black rock Otto did not know that the boat was home. Nobody could tell him. So he sang on. He
  sang all eleven verses, and when he came to the end he began again. He sang all night long. The people
  of Tern Bay lay in their beds with the windows open and heard him, far out, putting the onions in.

  At dawn the fog went up like a curtain. The sea was blue, and all the boats lay in their places, and
  Otto counted them. There were four. He sat down on the stair with his back to the wall.

  That noon a boat came out to the rock. Ned was in it, and Finn, and Mara, and Ida with a large pot under
  a cloth. Otto came to the door. His eyes were red, and when he tried to greet them he had no voice at
  all.

  IDA: Do not try to talk. It is only soup. We all know how to make it now.

  Otto took the pot. He looked at it, and he looked at them. Then he stepped back and held the door wide
  open, and pointed to his four chairs.

  There were really three chairs and a box. But it was the first time in ten years that anyone had sat in
  them, and nobody counted.


  THE CAT WHO TOOK COMMAND

  There was a cat in the harbor with one eye. He was black, with a white front and white feet, and he
  walked like a person who owns ships. The men called him Admiral.

  Nobody knew where Admiral lived. He had breakfast with Ida and lunch with Ned. He had his supper at
  Doctor Lund's back door, and he had a second supper with the mayor, who believed that he was the only
  one who fed the poor thing.

  In September the mice came. The harvest had been good, and the farmers had put their grain in the long
  store house behind the pier. There it had to wait for the ship. One morning Mara opened the door, and
  the floor moved.

  MARA: We have mice.
  HUGO: How many?
  MARA: I counted the first hundred. Then they began to count me.

  The ship would come in six days. Mayor Hugo called a meeting in the school, and all the people sat on
  the small chairs with their knees at their ears.

  HUGO: We need a plan. Who has a plan?
  NED: We could get a cat.
  HUGO: We have a cat.
  IDA: That cat has not caught a mouse since I have known him. He does not need to. He has breakfast with
  me.
  NED: He has lunch with me.
  LUND: He has his supper with me.

  There was a silence. The mayor turned slowly red.

  HUGO: I give him a little cream. It is only at night. He told me that he had nothing.
  WREN: He told you, Mayor?
  HUGO: With his eye.

  So it was decided. From that day on nobody in Tern Bay would feed the cat. Admiral would get hungry, and
  then he would go to the store house and do his work. It was a good plan. It had only one weak point, and
  that was Admiral.

  The next morning he came to Ida's door. The door was shut. He sat down on the step and waited. He went
  to Ned's boat, and Ned looked at the sky. He went to the doctor's house, and the doctor hid behind a
  curtain. He went to the mayor's house, and nobody came, though somebody inside was breathing.

  Admiral sat in the middle of the square. He washed one foot and thought the matter over. Then he stood
  up and went to the store house.

  Mara saw him go in. She called the others, and they all stood outside with their ears against the wood.
  They heard nothing. Then they heard one small squeak. Then they heard nothing again.

  JUN: Is he eating them?
  MARA: I will look.

  She opened the door a crack. Admiral was sitting on the highest sack. In front of him on the floor were
  the mice, and they sat in rows. He was not eating them. He was only looking at them with his one eye,
  the way a teacher looks at a class, and whenever a mouse moved, he looked at that mouse.

  MARA: They are sitting still. They are not touching the grain.
  WREN: I should like to know how he does it.

  All that day the mice sat still. In the evening Admiral came out. He walked to Ida's door and sat down
  on the step. He did not call. He only waited, and he looked back once at the store house, and then he
  looked at Ida.

  IDA: Does he want to be paid?
  HOLM: Of course he wants to be paid. I once sailed with a cat who drew the same wages as the cook. He
  was worth it. He could not cook, but then neither could the cook.

  They held another meeting on the small chairs. It was shorter than the first one. They decided that for
  six days Admiral would get a dish of fish, a dish of cream, and the soft part of a roll. Finn would
  carry it to the store house every noon.

  On the second day Finn came back with a puzzled look.

  FINN: He wants more.
  NED: More fish?
  FINN: No. I put the roll down, and he pushed it to the mice.

  It was true. Admiral ate the fish and drank the cream. Then he broke the roll with his foot and gave a
  crumb to each row. The mice ate their crumbs. Nobody pushed. After lunch they all cleaned their faces,
  and Admiral cleaned his.

  By the fourth day the mice were getting two loaves, for Ida felt sorry for them. By the fifth day they
  were getting cheese. Not one grain was taken from the sacks. They could all see that it was a poor sort
  of food, raw and dry, and that it came without butter.

  On the sixth day the ship came in. It was a tall ship from over the sea, and her captain was a round man
  in a yellow coat. The men carried out the grain and put it into the hold, sack after sack, and every
  sack was full.

  At last the store house was empty. Only the mice were left, sitting in rows on the bare floor, with
  Admiral in front of them.

  The round captain put his head in at the door.

  MARA: I can explain this.
  HOLM: Let me explain it. I explain things better.

  But the captain did not want to have it explained. He looked at the rows. He looked at the cat. He said
  that he had forty men on his ship, and that in eleven years he had never once got them to stand in a
  straight line. He offered ten gold coins for the cat.

  Everybody looked at Mayor Hugo. Ten gold coins would mend the roof of the school. Hugo opened his mouth
  and shut it. He looked at Admiral, and Admiral looked at him with his eye.

  HUGO: He is not for sale. He has duties here.
  MARA: What duties, Mayor?
  HUGO: He has supper with me.

  So the captain sailed without a cat. But he gave two of the coins for the lesson, and that was enough
  for half of the roof.

  And the mice? Admiral led them out that evening, over the square and up the hill road, to a barn where
  there had been no cats for years. They went in a long line, two by two. He came back alone and late, and
  he had his breakfast with Ida, his lunch with Ned, his supper with the doctor, and a little cream with a
  friend.


  THE STATUE IN THE SQUARE

  Mayor Hugo wanted a statue. Every town in the hills had one. They had a general on a horse, or a lady
  with a lamp, or a poet with a cold. In the square of Tern Bay there was only a flat stone where people
  put down their baskets.

  HUGO: A town without a statue is like a soup without a spoon.
  IDA: You can drink soup from the bowl.
  HUGO: It is not the same, Ida.

  So in October there was another meeting on the small chairs. Half of the school had a new roof now, and
  the people sat under that half. The mayor asked them who it should be. He stood a little to the side as
  he asked, with his chin up, so that they could see how he would look in stone.

  HOLM: It should be a captain.
  NED: It should be a fish.
  LUND: It should be somebody who is dead. It is the usual way.
  JUN: It should be Pepper.
  WREN: Let the children draw it. Then we will vote.

  On Monday there were twenty drawings on the wall of the school. Eleven of them were of Admiral. Four
  were of Pepper. One was of a whale with horns, and it was signed by the captain, who was not a child.
  Rosa had drawn her mother. Finn had drawn the pier, because it was easy, it had only two lines.

  Nobody had drawn the mayor. He looked at the wall from left to right, and then he looked at it from
  right to left. He said that they were all very fine. Then he said that he had to go home, as he had left
  something on the stove. Everyone knew that he could not cook.

  Rosa saw his face when he went out. She had a soft heart, and it often got her into work.

  ROSA: We have made him sad.
  FINN: We only drew cats.
  ROSA: That is how we did it.

  They sat on the sea wall and thought about it until the sun was low. Behind them the men were bringing
  in the boats. On the beach lay all the old things that the autumn storms had thrown up, the broken boxes
  and the floats and the ends of rope.

  ROSA: How much does a statue cost?
  FINN: Stone costs a lot. I do not have a lot. I have a button and some string.
  ROSA: What if it is not made of stone?

  For two weeks nobody saw Rosa and Finn after school. They were in the net shed behind a curtain. They
  asked Ned for an old oar, and Ned gave it without asking why. They asked Mara for a barrel. They asked
  Doctor Lund for two glass eyes, and he had some in a drawer, though he would not say where they came
  from. They asked Otto for a lamp, and he wrapped it up in a cloth and gave it to them with both hands.

  On the last day of October, the children rang the bell at noon. All the people came to the square. On
  the flat stone stood something tall under a sail.

  HUGO: What is it? I was not told. There is a form for this sort of thing.
  ROSA: Please pull the string, Mayor.

  He pulled it. The sail came down. The whole town said one long word, and the word was oh.

  It was a man made of things from the sea. His body was a barrel, and his legs were two posts from the
  old pier. His arms were oars. His beard was rope, and his buttons were white shells. He had a fine big
  nose made from a float. On his head there was a hat, and it was a real hat, black and grand. One of his
  hands was lifted up, and in it hung a lamp. His mouth was open.

  HUGO: That is my hat. I lost that hat in the spring storm.
  FINN: It came back. It had a crab in it.
  HUGO: Then is this supposed to be me?
  ROSA: Yes, Mayor.
  HUGO: Why is my mouth open?

  The children looked at each other. It was the part that they had talked about the most.

  ROSA: You are saying good morning.

  Mayor Hugo walked once around the flat stone. He looked at the shells and the rope and the oars. He
  looked for a long time at the nose. Everyone waited. It was so still that they could hear the hat drip.

  HUGO: In the hills they have a general on a horse.
  MARA: They do.
  HUGO: I never heard that he wished anyone a good morning.

  Then he took out his cloth and blew his nose, and it made a sound like a ship leaving. He made a speech.
  It was the shortest speech of his life. He said thank you, and he sat down.

  In the evening Otto filled the lamp and lit it. It shone over the wet stones as far as the post office.
  From that night on people could cross the square in the dark without falling over the baskets. It was a
  very useful statue. The gulls liked the arms. Admiral slept in the shade of the barrel. When it rained
  hard, the beard grew long and the nose turned red, and people said that it looked more like him than
  ever.

  And when strangers came to Tern Bay and asked who it was, they always got the same answer. They were
  told to wait until six in the morning, and to leave the window open.


  THE RACE AROUND THE BLACK ROCK

  Across the bay there was another town, and its name was Long Point. The people of Long Point had a
  better road and a bigger church, and they knew it. Once a year, on the first Sunday of November, each
  town sent one boat to race around the black rock and back. Long Point had won for nineteen years.

  They had a new boat for every race. It was always white, and it was always called Victory. The boat from
  Tern Bay was always the Patience. She was brown. She had been built by Ned's father out of an older
  boat, and that one had been built out of a barn.

  HUGO: This year we must win. I have told the mayor of Long Point that we will.
  NED: What did he say?
  HUGO: He gave me a cake. He said that it was to make me feel better afterward.

  The rules said that every boat must have four people in it. Ned would steer. Mara would pull one oar,
  because she had arms like rope. Jun would pull the other, for she had walked behind a donkey for half a
  year and could keep on going forever. They needed one more, to sit in front and watch for rocks.

  HOLM: I am ready.
  NED: It should be someone light, Captain.
  HOLM: I am very light for my size.
  MARA: Finn will sit in front.

  On Saturday night they scraped the bottom of the boat. They rubbed it with soap. Ned put his hand on the
  wood and talked to it, low, so that nobody could hear. Rosa heard anyway. He was telling the boat not to
  worry.

  Sunday was bright and cold. There were flags on both sides of the bay. The Victory came out with her
  white sail and her four tall brothers in white shirts. Their arms were thick and their teeth were good.
  They looked at the Patience kindly, as one looks at an old aunt who wants to dance.

  Mara had lent her post to Miss Wren for the day, and so it was the teacher who rang the bell to begin.
  Both boats jumped forward. At least, the Victory jumped. The Patience took a deep breath and got up.

  On the way out, the white boat was ahead by two lengths, and then by five, and then by ten.

  JUN: They are very fast.
  NED: Yes. It is a good boat. Keep the time. In, and out.
  FINN: Grandfather, they are going to the left of Anna.
  NED: Are they?
  FINN: Nobody goes to the left of Anna when the tide is low.

  The rock called Anna stood up out of the water like a black tooth. To the right of it the way was long
  and safe. To the left it was short, and the water was flat and looked friendly. Ned knew that water. It
  had a floor of mud, and the mud was soft and deep and never in a hurry.

  Ned stood up and cupped his hands.

  NED: Not that way! You will stick!

  The four brothers heard him. One of them waved. They thought that it was a trick, for in Long Point it
  would have been one. The Victory flew on to the left of Anna. Then she slowed down, like somebody who
  has forgotten something. Then she stopped. Her sail was full, her flag was flying, and she did not move
  at all.

  The Patience went by on the right, with the oars going in and out. It was quiet in the boat. The tide
  was still falling, and in one hour the white boat would lie on her side, and in two hours the tide would
  come back fast around the rock, as it always did there, with a wave in front.

  MARA: We have only to go around the light, Ned. Then we have won.
  NED: Yes.
  JUN: It would be the first time in twenty years.
  NED: Yes, it would.

  Nobody said anything more. Finn looked back from the front at the three of them. He saw that they were
  all thinking the same thing, and that each one wanted somebody else to say it.

  FINN: I have a rope here.

  Ned turned the boat. He brought her up to the edge of the mud, as near as he dared, and Finn threw the
  rope. It took three throws. The brothers tied it to their mast. Then Mara and Jun put their feet against
  the wood and pulled, and Ned pulled, and the old brown boat shook from end to end and made a noise like
  a barn in the wind. For a long time nothing happened. Then the mud let go of the Victory with a kiss
  that was heard in both towns.

  The two boats lay side by side in the deep water. The brothers were brown to the neck. They did not know
  where to look.

  The oldest one asked why they had come back. Ned scratched his ear. He said that he had only wanted his
  rope to get some air.

  The brothers talked together in low voices. Then they did something that had not been done in a hundred
  years of the race. They did not cut the rope. They sailed on around the black rock with the Patience
  behind them, and Otto came out on his iron walk and took off his cap to both. They sailed home slowly,
  and just before the line, they let down their sail and stopped. The rope went slack. The Patience slid
  on by, with nobody rowing, and her brown nose crossed the line first by the length of a hand.

  There was a great noise. On one side of the pier people shouted that it was not a proper race. On the
  other side they shouted that it was the best they had ever seen. Miss Wren wrote it on the board as she
  would for a sum. One boat pulled and one boat was pulled, and then the other way around, so it came out
  even.

  The mayor of Long Point came up to Mayor Hugo. He was very stiff. He said that he would like to have his
  cake back.

  HUGO: I am sorry. We ate it this morning. We wanted to feel better before.

  Then both of the mayors began to laugh, though neither of them had planned to. The brothers came ashore,
  and Ida put them in the doctor's bath, one after the other, and the fourth one had to sit in something
  like soup.

  The cup stood in Tern Bay all winter, and after that in Long Point for the summer. Ned kept his pipe in
  it until Mara found out.


  THE DOCTOR IN BED

  Doctor Lund had been the doctor of Tern Bay for twenty years, and in all that time he had not been ill
  for one day. He said that he had no time for it. He had a black bag, a big watch, and three pieces of
  advice. They were to sleep more, to eat an apple, and to keep the feet dry.

  In the last week of November he woke up with a red nose. He sneezed. He looked at himself in the mirror
  and put out his tongue.

  LUND: It is nothing. I have work to do.

  He stood up. The floor came up to meet him, and he sat down on it. When Jun came with the mail, she
  found him there in his long shirt with his bag in his arms.

  JUN: Doctor, you are ill.
  LUND: I am not ill. I am resting close to the ground.
  JUN: Your face is as hot as a stove.
  LUND: It is a warm day.
  JUN: There is ice on the window.

  She got him into bed, and she put the cover up to his chin. Then she went out and told the town. She did
  not mean to tell the whole town. She told Ida, and it was the same thing.

  By ten there was a line at the door. In twenty years the doctor had told everyone in Tern Bay what to
  do, and now they had come to do the same for him.

  Ida was the first. She had a pot of soup.

  IDA: Eat this. You must eat something hot.
  LUND: You must never feed a fever, Ida. I have told you that.
  IDA: You told me that you must never starve one.
  LUND: That was another kind of fever.

  He ate the soup. Ned was next. He had a jar of something black that smelled of tar and old fish.

  NED: You rub it on your chest. My father used it every winter.
  LUND: Did it help him?
  NED: Nobody ever got near enough to ask.

  Captain Holm brought a bottle from the warm islands, and in it was a root in the shape of a man. Miss
  Wren brought a book, so that he would not be bored, and it was a book about diseases. Otto had come in
  on the boat for onions, and he gave the doctor the onions. The mayor brought a picture of himself.

  Each of them told him to sleep more, and each of them woke him up to say it.

  At noon the doctor shut his eyes and made a small noise, like a kettle that is about to boil. Mara was
  standing at the door. She knew what a harbor looks like when there are too many boats in it.

  MARA: Everybody out! This port is closed.

  They went out, and they took their chairs with them. For the first time that day it was quiet. Mara set
  the soup near the fire and looked at the man in the bed. He seemed smaller without his coat.

  MARA: Is there anything that you want?
  LUND: Yes. I want to know who is going to see my patients. The old lady in the yellow house has a bad
  leg. Ned's wife has her cough. There is a baby due on the hill.
  MARA: We will look after them.
  LUND: You do not know how.
  MARA: Then tell us, and somebody will write it down.

  Rosa was sent for, as she had the best hand in the school. She sat by the bed with a sheet of paper. The
  doctor talked with his eyes shut, and he went through the town from house to house. It took him an hour.
  He knew every leg and every cough. He knew who was in pain and did not say it, and who said it and was
  not in pain. He knew that the man with the loud goat could not sleep since his brother went away, and
  that what he needed was someone to play cards with.

  Rosa wrote it all down. When she had filled six sheets, she saw that he had stopped. He had fallen
  asleep in the middle of a word.

  That afternoon the people of Tern Bay went out with the sheets in their hands. Finn put a stool under
  the bad leg in the yellow house, and he listened to the story of the pears. Miss Wren read aloud to
  Ned's wife until she forgot to cough. Captain Holm went to play cards with the man with the loud goat.
  He lost nine games and told five stories, and the man slept like a stone. Ida walked up the hill with
  her sleeves rolled, and at midnight there was a baby, and it was a girl, and she was as loud as the
  goat.

  Mayor Hugo did not get a sheet. There were only six. He went back to the doctor's house in the dark and
  sat down beside the bed without a sound. He kept the fire up. Whenever the cover slipped, he put it
  back. It was not in his nature to be quiet for so long, and it made his ears hurt, but he did it until
  the sun came up.

  The doctor opened his eyes. The fever was gone. He saw a large man asleep on a small chair with a wet
  cloth in his hand.

  LUND: Hugo?
  HUGO: I am here. What is it? Do you want to see the picture?
  LUND: No. I want you to go home. You should sleep more.
  HUGO: Yes, Doctor.
  LUND: And eat an apple.
  HUGO: Yes, Doctor.
  LUND: And thank you.

  The mayor did not know what to say, so he picked up the black jar from the table and smelled it, and
  after that he could not say anything.

  In a week the doctor was on the street again with his bag and his watch. He went from house to house to
  see what they had done. In each house he looked at the sheet with the neat round letters, and he looked
  at the leg or the cough, and he grunted.

  It had all been done well. Some of it had been done better. That night he wrote a new line on the wall
  above his desk, under the three pieces of advice. The old lines were about sleep and apples and feet.
  The new one said to let them come in, but only one at a time.


  THE PLAY AT THE SCHOOL

  Before the end of the year the school always put on a play. Miss Wren wrote it herself. This time it was
  called The King of the Sea and the Poor Girl, and it had a king, a girl, a storm, a wise owl, and a
  crowd. There were twenty children in the school, and so the crowd was very large.

  Rosa wanted to be the king. Finn did not want to be anything.

  WREN: Everyone has to be something, Finn.
  FINN: Then I will be the dark.
  WREN: There is no dark in the play.
  FINN: There is dark before it starts. I could be that.

  She made him the storm. It had only one line. The storm had to run in, wave a grey blanket, and shout
  that all was lost. Finn said it to himself in bed. He said it to the hens. He said it in the boat, and
  Ned put on his coat.

  They needed a stage. Ned and Mara made one out of barrels and doors, and for a week half of the houses
  in Tern Bay had no doors and a good deal of wind. They needed a sea. Jun sewed it out of blue mail bags.
  They needed an owl, and here they had bad luck, for the owl got spots two days before the play.

  WREN: Who can learn thirty lines by Friday?
  HOLM: I can.
  WREN: Captain, it is a school play.
  HOLM: I went to school.
  WREN: Will you say only the words that are on the paper?
  HOLM: Madam, you can trust me like the tide.

  She should have thought about the tide. It comes in, but it brings things with it.

  On Friday night the whole town sat in the school, with snow on their boots. All the doors were on the
  stage, and they had hung a sail in front. Pepper looked in at the window. Admiral lay on the stove.

  The sail went up, and there was the sea. Rosa sat in the middle of it on a gold chair that was really
  the mayor's, with a crown made from a cake tin.

  ROSA: I am the King of the Sea. I have a thousand ships and nobody to talk to.

  It was a fine start. Ida held the doctor's arm so hard that he asked for it back. Then the poor girl
  came in. She was the smallest child in the school, and she was called Little Ann. She was to say that
  she had come to ask for her father's boat. She looked at all the faces, and her mouth opened, and not a
  word came out.

  It was still. It was so still that people heard the snow slide from the roof. In the dark at the side of
  the stage Miss Wren said the line softly. She said it again. Little Ann did not hear. Two large tears
  came down her face.

  Then there was a noise of feathers. The owl was not due for ten more minutes, but it stepped out from
  behind a barrel. It had on a brown coat, and it carried a long glass.

  HOLM: Good evening, King. I was just flying by.
  ROSA: Good evening, Owl. You are early.
  HOLM: An owl is never early. I saw this poor girl on the road, and she told me a secret. She has lost
  her voice. It was stolen by a whale with horns.

  Miss Wren put her hands over her eyes. But Little Ann looked up. She had heard of that whale. Every
  child in Tern Bay had.

  ROSA: That is terrible. How can she get it back?
  HOLM: There is only one way. Someone must whisper a word in her ear, and it has to be a true one. I knew
  such a word when I was in the far south, but I traded it for a hat.
  ROSA: Then what shall we do?

  Rosa did not know what to do. It was not in the paper. She looked at the owl, and she saw that the owl
  did not know either. The captain had sailed out of sight of land, as he often did, and this time he had
  taken a play with him.

  Just then the storm came in. Finn had lost his place long ago. He had been standing behind a door with
  the grey blanket over his head, and he had counted to a hundred, and he thought that it must be time. He
  ran out into the middle of the stage. He saw the king, who should have been asleep. He saw the owl, who
  should not have been there. He saw Little Ann, who was crying, and he forgot to wave the blanket, and he
  forgot to shout.

  He bent down and put the blanket around her. He whispered something in her ear.

  Nobody in the room heard what it was. Little Ann wiped her nose on the storm. She took one step to the
  front, and she spoke so loudly that Admiral fell off the stove.

  ANN: King! Give my father his boat! He needs it, and you have a thousand of them, and it is nearly
  supper!

  The people stood up and cheered. It was a much better line than the one in the paper. The king gave her
  the boat, and he gave her a second one for her mother. The owl made a speech about whales. The crowd
  came on and sang, and the stage, which was only doors, opened in two places, and part of the crowd went
  down and came up again still singing.

  At the end Miss Wren was called up to the front. She had a paper with the play in her hand, and she
  folded it and put it away.

  WREN: I wrote some of this. I should like to thank the tide for the rest.

  Later, when they were all eating cake, Rosa found Finn under a table.

  ROSA: It was the best storm that we ever had. What did you say to her?
  FINN: I said that I was afraid too.
  ROSA: Is that all?
  FINN: It was the only true thing that I could think of.

  Then he remembered something. He put down his cake and stood up, and he picked up the grey blanket and
  waved it over his head as high as he could.

  FINN: All is lost!

  Everybody clapped. It was a little late, but he had learned it, and it would have been a pity to waste
  it.


  THE CAPTAIN AND THE TRUNK

  In January the snow lay as high as the window sills, and no boats went out. The people sat by their
  stoves and mended things. When everything was mended, they went to hear the captain.

  Captain Holm lived in a narrow house near the pier. In the corner of his room stood a large black trunk
  with a lock. He sat on it when he told his stories, and nobody had ever seen it open. The children said
  that there was gold in it. Ned said that there were socks in it. The captain said that it held the proof
  of all that he had seen, and that the world was not ready.

  One evening Finn and Rosa came in with snow on their caps. The captain was not sitting on the trunk. He
  was in his bed chair with a blanket on his knees, and he was asleep. The key was in the lock.

  FINN: We should go home.
  ROSA: Yes, we should.

  They did not go home. They stood and looked at the key for as long as it takes to eat an egg. Then Rosa
  said that it might be bad for a lock to have a key in it all night, and Finn said that he had heard the
  same thing. Rosa turned the key. It was only to take it out. But the lid was old and had a strong
  spring, and it came up by itself.

  There was no gold. There was no horn of a whale. There was a white apron, very clean, and a tall white
  hat. There were eleven wooden spoons. There was a thick book with stains on it, and on the first page it
  said, in a young man's hand, that this book belonged to Peter Holm, ship's cook.

  Rosa read it twice. Behind them the chair creaked.

  HOLM: Well. Now you know.

  The captain was awake. He did not shout. He looked old, and he pulled the blanket up a little higher.

  ROSA: We are sorry. We only wanted to take care of the lock.
  HOLM: I was never a captain, children. I was thirty years in the kitchen of a ship. I peeled potatoes
  from here to the end of the world and back again. Do you know what you can see from the kitchen of a
  ship?
  FINN: No, sir.
  HOLM: Potatoes.

  He got up and went to the trunk, and he took out one of the spoons and turned it around in his fingers.

  HOLM: There was one small window over the stove. It was as big as a plate. All the other men were on
  deck. They saw the whales and the kings and the burning hills. At night they came down for their soup,
  and they told me about it. But they told it badly. They said that it was big, or that it was hot. So I
  looked out of my plate, and I put in the rest.
  ROSA: And the ghost who yawned?
  HOLM: It was a sail boy in a sheet.
  FINN: And the fish with the scar?
  HOLM: I may have cooked him. When they are in the pan, one cannot tell.

  The snow fell past the window. The children did not know what to say. It was as if someone had moved the
  black rock. Finn looked at the apron, and he thought of the summer and of his grandfather on a box in
  front of three hundred people, bringing in his hands.

  FINN: Will you tell the others?
  HOLM: I suppose that I must. They call me captain, and I have let them do it for sixteen years. I will
  have to give it back.

  The next evening there were thirty people in the narrow room and more on the stairs. The captain stood
  up. He was wearing the white apron, and his voice was not steady. He told them. He told it without one
  whale in it, and it took only a few minutes. Then he sat down and looked at his shoes.

  It was Mara who spoke first. She had her log book under her arm.

  MARA: I have known it for sixteen years.
  HOLM: You have?
  MARA: I write down every person who comes into this harbor. When you came off the ship, I asked for your
  name and your work, and you told me. It is on page nine. Peter Holm, cook.
  HOLM: But you have always called me captain!
  MARA: On your first night here you told us the story of the two kings. There had been a bad storm that
  day, and we had lost a boat. Nobody in this town had any wish to get up the next day. You talked until
  the sun rose. I thought to myself that somebody had taken the wheel.

  Nobody in the room made a sound.

  NED: I knew it too. You once told me how to cook an eel. No captain knows that.
  LUND: I knew it by your hands. You have the burns.
  IDA: I knew it from the way you look at my soup.
  HUGO: I did not know it.

  They all turned around. The mayor was standing on the stairs with his mouth open and a tear on his nose.

  HUGO: I believed every word. I still believe in the whale. I do not see why I should stop now.

  The captain laughed, and it started as a cough and got bigger. He looked around at all the faces in the
  lamp light. Then he did what he had not done in sixteen years. He rolled up his sleeves and went to the
  stove. He made a soup out of what they had in their bags and pockets, which was two fish, some onions,
  an apple, and the end of a loaf, and he stirred it with a wooden spoon. When it was ready, they ate it
  out of cups and caps. It was the best soup that had ever been made in Tern Bay. Even Ida said so, and
  she said it only once, and quickly.

  ROSA: What is in it?
  HOLM: Ah. The recipe was given to me by a queen. She lived on an island of glass, and she had three
  hundred cats.
  FINN: Is that true, Captain?
  HOLM: It was as true as I could see it, boy, through a window the size of a plate. Sit down, all of you.
  Pass the bread. It was a dark night in the far south, and I heard a knock under the floor.

  So they sat down, and they passed the bread. Outside the snow went on falling on the boats, and inside
  somebody had the wheel.


  LETTERS FOR THE LIGHT

  Every Friday Jun rowed out to the black rock with the mail for Otto. It was not much. There was a paper
  about oil, and a paper about rope, and sometimes a list of ships. Otto took it at the door and nodded.
  He had made friends with the town since the fog, but he was still a man who saved his words, as other
  men save string.

  In February Jun saw that there was one more letter in the bag each week. It had no stamp. It was
  addressed to the post carrier of Tern Bay, in small square letters, and it lay at the very bottom under
  the papers that she had picked up from the rock.

  She opened the first one on the way home, with the oars in her lap.

  It said that at three o'clock on Tuesday a seal had come up on the rock and looked at the tower for a
  quarter of an hour. There was nothing else in it. There was no name.

  The second one said that ice had a sound when it was about to break, and that it was like a person in
  another room who is putting down a cup. The third one said that the spider was well.

  Jun put the letters under her pillow. She had carried ten thousand letters in her life, and these were
  the first that had been for her.

  JUN: Mara, who on the black rock writes in small square letters?
  MARA: How many people live on the black rock?
  JUN: One.
  MARA: Then I would start with him.

  The next Friday she rowed out with her heart going like the oars. Otto opened the door, and he took the
  papers, and he nodded. His ears were red. Jun had planned to say a number of things. She nodded too.
  Then she rowed home and was angry with herself all the way to the pier.

  JUN: He does not say anything!
  IDA: Did you?
  JUN: No. But I was about to.
  IDA: My dear, the two of you could be about to until the sea dries up.

  So Jun wrote a letter. She wrote that Pepper had stepped on the mayor. She put it in with the paper
  about oil. In the bottom of the bag she found one that said that he had dreamed about soup. After that
  there were two letters every Friday, one going out and one coming back, and neither of them ever said a
  word about it. They stood in the door and talked about the weather. It took them less time every week,
  as they had less and less idea of what the weather was.

  The town knew all about it, of course. The town was going mad.

  NED: I could tell him.
  MARA: No.
  HOLM: I could tell her. I would put in a few kings.
  MARA: Nobody will tell anybody. A boat has to find its own way in.
  HUGO: But how long will it take? I am not a young man.

  On the last Friday of the month there was a storm. It came up from the west, black as a stove, and the
  waves broke over the end of the pier. No boat could go out. Jun stood at the window of the post office
  with the bag on her shoulder. She had a letter in it, and it was the longest that she had ever written.
  It had taken her four nights. At the end of it there was a question.

  ROSA: Can it not wait until next week?
  JUN: It could. But I do not think that I can.

  It got dark. Out on the rock the light came on. It went around slowly, over the water and over the
  roofs, as it did every night. Jun looked at it. It came, and it went, and it came. Then she took the
  lamp from the table and ran out into the rain.

  She ran to the square. She climbed up on the flat stone, beside the man made of barrels, and she held on
  to his beard. With her other hand she held up the lamp, and with her hat she covered it, and let it go,
  and covered it again. There is a way to talk with a lamp. It has one sign for each letter, some short
  and some long. Every post carrier has to learn it, and so does every keeper of a light, and neither of
  them ever needs it.

  It was a long letter. She left out the part about Pepper. She left out the part about the goats. In the
  end she sent only the question, and it was four words.

  All over the town the curtains moved. Mara could read the signs, and she stood at her window with her
  hand over her mouth. Ned could read them too. He read them aloud to his wife, who told him to be quiet,
  and then asked him what came next.

  The light on the black rock went around once. It went around again. Then, for the first time since it
  was built, it stopped. It stood still, and it pointed straight at the square of Tern Bay, at the rain
  and the barrel and the small wet figure with the hat. The light went out. It came back, long and short
  and long. It was only one word. He was a man who saved them.

  JUN: What did it say? I had rain in my eyes! Did anybody see what it said?

  Forty windows flew open at the same moment.

  EVERYBODY: It said yes!

  Jun sat down on the flat stone in the rain and laughed. Above her the man made of barrels held up his
  lamp with his mouth wide open, and out at sea the great light began to turn again. They say that it went
  around a little faster than it should have.


  THE BIRDS COME BACK

  The wedding was set for the first day of April. There was a great deal to do, and everyone in Tern Bay
  wished to do it.

  Ida would bake the cake. The captain would cook the dinner. Ned would bring the fish, and he had
  promised not to say how big. Miss Wren would teach the children a song. Doctor Lund would be there in
  case anyone ate too much, and he planned to eat too much himself. The mayor would hold a speech. He had
  written forty pages. Mara had asked him to think of the birds of the air, who say what they have to say
  and then stop.

  HUGO: But I have a part about the history of rope.
  MARA: I know you do.
  HUGO: It is very moving.
  MARA: Move it to page one, Hugo, and then lose the others.

  There was only one problem, and it was a large one. A light can not be left alone at night. Otto could
  come ashore for the wedding, but when the sun went down, he had to be back on the rock to light the
  lamp. He would miss the dinner and the dance.

  JUN: Then we will have the wedding in the morning.
  OTTO: You will miss the dance too.
  JUN: I have danced with a donkey for a year. I can rest for one night.

  Finn heard this from under the table, where he was feeding Admiral. He told Rosa. She thought about it
  for one minute. Then she went from house to house and knocked at each door, just as she had on that
  morning a year before, but this time she did not run away.

  On the first of April the sky was clean and blue. At six o'clock Mara walked down the pier and put her
  hand on the rope. She was about to pull it when she heard a small sound above her. She let go of the
  rope. She climbed up on a box and looked into the bell.

  There was some new grass in it, and a bit of wool, and one red thread. A small brown bird looked at her
  and did not fly away.

  MARA: Good morning. I see that you have kept your key.

  So the bell did not ring on the day of the wedding. It did not matter. A window was open, and a voice
  went over the roofs, as it had every day for a year.

  HUGO: Good morning! It is six! The sky is clear, and two people are going to be married! Get up, all of
  you! I have been up since four!

  At ten they all came down to the pier. Jun wore a white dress that was made from the sail of the
  Victory. The four brothers had sent it over from Long Point, and they had come along to carry the
  tables. Pepper walked beside her with flowers on her ears. She had eaten most of the flowers by the time
  they got to the steps.

  The boat from the rock came in. Otto stood up in it in a black coat. It was a bit short in the arms. He
  had cut his hair himself, without a mirror, and it looked as if he had done it in the fog. When he saw
  Jun, he forgot to get out of the boat, and Ned had to give him a push.

  Mara married them, as a harbor master may. She opened her log book to a new page.

  MARA: Otto, will you share your rock with this woman, in all kinds of weather?
  OTTO: Yes.
  MARA: Jun, will you share your road with this man, and your donkey?
  JUN: Yes. But Pepper has to be asked as well.

  Pepper was asked. She sneezed, and it was written down as a yes.

  Then it was the turn of the mayor. He took forty pages out of his coat. The wind was fresh that morning,
  and it came around the corner of the store house like a boy who is late for school. It took page one,
  and it took page two, and then it took all the rest, and they went up over the boats like a flock of
  gulls. People still find a page now and then. It is always about rope.

  The mayor looked at his empty hands. He looked at the two young people and at the blue water, and at all
  his friends.

  HUGO: Well. Good morning to you both. I hope that there will be a great many of them.

  It was the best speech that he had ever made, and he knew it, and for once he sat down.

  They ate until the sun was low. There was fish and soup and bread, and there was a cake in the shape of
  a lighthouse, with one spoon of yeast in it. Captain Holm told the story of the queen on the island of
  glass. Little Ann asked if he had truly been there, and he said that he had been as near to it as a man
  can get with a potato in his hand.

  Then the shadows grew long. Otto put down his fork. He looked out at the black rock and then at his
  wife, and he stood up to go.

  ROSA: Sit down, please.
  OTTO: I have to light the lamp.
  ROSA: No. We have made a list.

  She took a paper out of her pocket, and she read it in a loud voice. On this night Ned and Finn would
  keep the light. On every first Friday of the month, Mara would keep it. On every second Friday it would
  be the doctor, who could not sleep anyway. The captain wanted the stormy nights, and Miss Wren wanted
  the quiet ones, for she had a great many books to read. The mayor had asked for Sundays. There were
  thirty names on the list, and at the bottom there was a black mark in the shape of a foot.

  FINN: Admiral wants to sit on the stove out there. Somebody told him about the spider, but he says that
  he will be good.

  Otto read the list from the top to the bottom. He read it again. He folded it up very small and put it
  in the pocket over his heart. Everyone waited for him to say something, but they were ready to wait for
  a long time.

  OTTO: I lived out there for ten years. Every night I lit the lamp, and every night I looked across at
  your windows. I used to count them. I knew which one was the last to go dark. I thought that I was
  keeping watch over you, all by myself. I did not know that someone could look back.

  It was the longest speech that anyone had heard from him. He seemed to be as surprised as they were.
  Then Jun took his hand, the band from the big town began to play, and the drum was a little late but
  very loud.

  Out on the water, an old brown boat was going toward the rock with an old man and a boy in it.

  FINN: Grandfather, do you know how to light it?
  NED: Otto showed me. You lift the glass, and you turn the small wheel, and you hold the match to it. And
  you must not be in a hurry.
  FINN: And what do we do after that?
  NED: We keep awake, and we look at the sea. It is mostly looking.

  They climbed up the stair. There were ninety steps, and Ned stopped on every tenth one to talk about his
  knees. At the top Finn lifted the glass, and his grandfather turned the wheel. The flame stood up, thin
  and yellow, and then it filled out and grew white.

  The light went over the water. It went over the rock called Anna and the place where the fish had been.
  It went over the pier and the bell with the bird in it, over the store house and the school with its two
  kinds of roof, over the square and the man with his mouth open, and over all the people of Tern Bay, who
  were dancing, each in his own way and not very well.

  FINN: I can see our house.
  NED: So can I.
  FINN: I can see everybody.

  Ned took out his pipe and sat down on a box. Far away the music stopped and began again. It was a song
  that they both knew. It had eleven verses, and it was all about soup.

  """#
